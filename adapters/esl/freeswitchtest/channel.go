package freeswitchtest

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"c2d/core/call/calltest/desk"
)

// channel is one of FreeSWITCH's. All of it is guarded by the FreeSWITCH's mutex.
type channel struct {
	id      string
	inbound bool
	phone   *desk.Phone
	number  string // that was dialled
	vars    map[string]string
	made    time.Time

	state  string // CS_EXECUTE
	answer string // ringing, early, answered, hangup
	call   string // DOWN, RINGING, EARLY, ACTIVE, HELD: as it is told, a step behind
	up     bool   // it was answered, also when it is over
	app    string // that it runs: park, socket, uuid_bridge
	job    string // of the originate that has no result yet
	what   string // its arguments
	limit  *time.Timer
	ends   []*time.Timer // hang-ups that are to come: another does not take the place of the first
	handed net.Conn      // while the socket application holds it

	peer   *channel // that it is bridged to
	first  bool     // uuid_bridge named it first
	next   *channel // that it is being bridged to
	seeks  *channel // that the dialplan rings for it
	caller *channel // that it was rung for
	plays  bool     // a tone, to it
	rings  bool     // it was told that it rings elsewhere
	holds  bool     // its phone hears and says nothing
	keys   string   // pressed towards its phone

	over bool      // it hangs up
	end  ending    // why
	gone time.Time // it is not there any more
}

// ending is how a channel ends.
type ending struct {
	cause       string
	sip         int    // status of its phone
	disposition string // who has ended it: recv_bye, send_cancel…
}

// add makes a channel known.
func (f *FreeSWITCH) add(c *channel) *channel {
	c.made, c.state, c.answer, c.call = time.Now(), "CS_INIT", "ringing", "DOWN"
	f.channels = append(slices.DeleteFunc(f.channels, func(x *channel) bool { return !x.gone.IsZero() && time.Since(x.gone) > time.Second }), c)
	return c
}

// channel returns one that is there, nil for none.
func (f *FreeSWITCH) channel(id string) *channel {
	for _, c := range f.channels {
		if c.id == id && c.gone.IsZero() {
			return c
		}
	}
	return nil
}

// media reports that sound goes either way.
func (c *channel) media() bool { return c.answer == "answered" || c.answer == "early" }

func (c *channel) name() string { return "sofia/internal/" + c.phone.Address() + "@127.0.0.1" }

// headers are a channel's in events, and in uuid_dump.
func (c *channel) headers() []header {
	direction := "outbound"
	if c.inbound {
		direction = "inbound"
	}
	all := []header{
		{"Channel-State", c.state}, {"Channel-Call-State", c.call}, {"Channel-Name", c.name()}, {"Unique-ID", c.id}, {"Call-Direction", direction},
		{"Answer-State", c.answer}, {"Hangup-Cause", c.end.cause}, {"Caller-Destination-Number", c.number},
		{"Caller-Channel-Created-Time", strconv.FormatInt(c.made.UnixMicro(), 10)},
	}
	if c.inbound {
		all = append(all, header{"Caller-Caller-ID-Number", c.phone.Address()})
	}
	if c.peer != nil {
		all = append(all, header{"Other-Leg-Unique-ID", c.peer.id})
	}
	for _, name := range slices.Sorted(maps.Keys(c.vars)) {
		all = append(all, header{"variable_" + name, c.vars[name]})
	}
	return append(all, header{"variable_current_application", c.app})
}

// park lets a channel wait: in CS_PARK one that has survived whom it was bridged to.
func (f *FreeSWITCH) park(c *channel, state string) {
	c.state, c.app = state, "park"
	f.tell("CHANNEL_PARK", c)
}

// hang ends a channel. Whom it is bridged to follows a moment later, and only then is it gone.
func (f *FreeSWITCH) hang(c *channel, e ending) {
	if c.over {
		return
	}
	c.over, c.answer, c.end, c.plays, c.next = true, "hangup", e, false, nil
	c.stop()
	c.ended()
	f.tell("CHANNEL_HANGUP", c)
	c.letGo()
	c.phone.Over(line{f, c})
	early := f.either() && c.peer != nil && !c.first // may be gone before the other hears of it
	if early {
		f.complete(c)
	}
	f.later(step, func() {
		f.gives(c)
		f.release(c)
		if !early {
			f.complete(c)
		}
	})
}

// either reports which of two orders it is this time.
func (f *FreeSWITCH) either() bool { f.other = !f.other; return f.other }

func (c *channel) stop() {
	if c.limit != nil {
		c.limit.Stop()
	}
	c.unschedule()
}

// letGo ends the connection of the socket application.
func (c *channel) letGo() {
	if c.handed != nil {
		_ = c.handed.Close()
	}
}

// ended sets the variables by which a channel's end is told.
func (c *channel) ended() {
	set := func(name string, n int, prefix string) {
		if n != 0 {
			c.vars[name] = prefix + strconv.Itoa(n)
		}
	}
	set("hangup_cause_q850", q850[c.end.cause], "")
	if c.end.sip != 302 {
		set("sip_term_status", c.end.sip, "")
	}
	set("proto_specific_hangup_cause", c.end.sip, "sip:")
	c.vars["sip_hangup_disposition"] = c.end.disposition
}

// complete is the last that is told of a channel, but for the result of its originate.
func (f *FreeSWITCH) complete(c *channel) {
	f.finish(c, "")
	told := func() { c.state, c.call = "CS_REPORTING", "HANGUP"; f.tell("CHANNEL_HANGUP_COMPLETE", c) }
	result := func() { f.result(c, "-ERR "+c.end.cause+"\n") }
	if c.end.disposition == "send_cancel" {
		f.swap(told, result)
	} else {
		told()
		result()
	}
	c.gone = time.Now()
}

// result tells what an originate has come to, once.
func (f *FreeSWITCH) result(c *channel, body string) {
	if c.job != "" {
		f.jobDone(c.job, c.what, body)
	}
	c.job = ""
}

// q850 are the numbers of causes.
var q850 = map[string]int{
	"UNALLOCATED_NUMBER": 1, "NORMAL_CLEARING": 16, "ORIGINATOR_CANCEL": 16, "ALLOTTED_TIMEOUT": 16, "ATTENDED_TRANSFER": 16, "LOSE_RACE": 16, "PICKED_OFF": 16, "USER_BUSY": 17,
	"NO_USER_RESPONSE": 18, "NO_ANSWER": 19, "CALL_REJECTED": 21, "DESTINATION_OUT_OF_ORDER": 27, "NORMAL_CIRCUIT_CONGESTION": 34, "NETWORK_OUT_OF_ORDER": 38,
	"NORMAL_TEMPORARY_FAILURE": 41, "REQUESTED_CHAN_UNAVAIL": 44, "INCOMPATIBLE_DESTINATION": 88, "USER_NOT_REGISTERED": 16,
}
