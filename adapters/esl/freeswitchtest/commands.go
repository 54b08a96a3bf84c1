package freeswitchtest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// What is asked over the event socket.

// noSuch is what some commands say of a channel that is not there.
var noSuch = map[string]string{
	"uuid_broadcast": "-ERR invalid uuid\n", "uuid_record": "-ERR Cannot locate session!\n", "uuid_send_dtmf": "-ERR Cannot locate session!\n", "uuid_answer": "-ERROR\n", "uuid_ring_ready": "-ERROR\n",
}

// api carries out a command that is done at once.
func (f *FreeSWITCH) api(line string) string {
	if said, is := f.Says[line]; is {
		return said
	}
	name, rest, _ := strings.Cut(line, " ")
	switch name {
	case "echo":
		return rest
	case "global_setvar":
		variable, value, _ := strings.Cut(rest, "=")
		f.globals[variable] = value
		return "+OK\n"
	case "global_getvar":
		return f.globals[rest]
	case "version":
		return "FreeSWITCH Version 1.10.12-release~64bit (-release 64bit)\n"
	case "module_exists":
		return "true"
	case "show":
		return f.show(rest)
	case "uuid_bridge":
		return f.uuidBridge(rest)
	case "uuid_hold":
		return f.uuidHold(rest)
	case "sofia_contact":
		return f.sofiaContact(rest)
	case "user_data":
		return f.userData(rest)
	case "sched_hangup":
		return f.schedHangup(rest)
	case "sched_del":
		return f.schedDel(rest)
	}
	do := commands[name]
	if do == nil {
		return "-ERR " + name + " Command not found!\n"
	}
	id, rest, _ := strings.Cut(rest, " ")
	c := f.channel(id)
	if c != nil && (!c.over || name == "uuid_dump") {
		return do(f, c, rest)
	}
	if text, is := noSuch[name]; is {
		return text
	}
	return "-ERR No such channel!\n"
}

// commands are those on a channel that is there.
var commands = map[string]func(f *FreeSWITCH, c *channel, rest string) string{
	"uuid_kill":       (*FreeSWITCH).uuidKill,
	"uuid_dump":       (*FreeSWITCH).uuidDump,
	"uuid_setvar":     (*FreeSWITCH).uuidSetvar,
	"uuid_transfer":   (*FreeSWITCH).uuidTransfer,
	"uuid_broadcast":  (*FreeSWITCH).uuidBroadcast,
	"uuid_break":      (*FreeSWITCH).uuidBreak,
	"uuid_send_dtmf":  (*FreeSWITCH).uuidSendDTMF,
	"uuid_answer":     (*FreeSWITCH).uuidAnswer,
	"uuid_ring_ready": (*FreeSWITCH).uuidRingReady,
	"uuid_record":     (*FreeSWITCH).uuidRecord,
	"uuid_displace":   (*FreeSWITCH).uuidDisplace,
}

// uuidKill takes a cause that it does not know for a normal clearing.
func (f *FreeSWITCH) uuidKill(c *channel, cause string) string {
	if q850[cause] == 0 {
		cause = "NORMAL_CLEARING"
	}
	f.hang(c, ending{cause: cause, disposition: c.bye()})
	return "+OK\n"
}

func (f *FreeSWITCH) uuidDump(c *channel, form string) string {
	if form != "json" {
		return "-USAGE: <uuid> [format]\n"
	}
	facts := map[string]string{"Event-Name": "CHANNEL_DATA", "Core-UUID": f.core}
	for _, h := range c.headers() {
		facts[h.name] = h.value
	}
	text, _ := json.Marshal(facts)
	return string(text)
}

// uuidSetvar takes the rest of the line as it is; nothing unsets.
func (f *FreeSWITCH) uuidSetvar(c *channel, rest string) string {
	name, value, _ := strings.Cut(rest, " ")
	c.vars[name] = value
	return "+OK\n"
}

func (f *FreeSWITCH) uuidBroadcast(c *channel, rest string) string {
	if !strings.HasPrefix(rest, "tone_stream://") || !strings.HasSuffix(rest, " aleg") {
		return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
	}
	if c.peer == nil && c.next == nil {
		c.plays = true
	}
	return "+OK Message sent\n"
}

func (f *FreeSWITCH) uuidBreak(c *channel, _ string) string {
	c.plays = false
	return "+OK\n"
}

func (f *FreeSWITCH) uuidSendDTMF(c *channel, keys string) string {
	c.keys += keys
	return "+OK " + c.id + " sent DTMF " + keys + ".\n"
}

// uuidHold says that all is well, also of a channel that is not there.
func (f *FreeSWITCH) uuidHold(rest string) string {
	id, off := strings.CutPrefix(rest, "off ")
	c := f.channel(id)
	switch {
	case c == nil || c.over:
	case c.holds != off:
		return "-ERR Operation failed\n"
	default:
		f.hold(c, !off)
	}
	return "+OK Success\n"
}

func (f *FreeSWITCH) hold(c *channel, on bool) {
	c.holds = on
	if on {
		c.call = "HELD"
		f.tell("CHANNEL_HOLD", c)
		return
	}
	c.call = "UNHELD"
	f.tell("CHANNEL_UNHOLD", c)
	c.call = "ACTIVE"
}

func (f *FreeSWITCH) uuidAnswer(c *channel, _ string) string {
	if c.answer != "answered" {
		c.rings, c.answer = false, "early"
		f.tell("CHANNEL_PROGRESS_MEDIA", c)
		c.up, c.answer, c.call = true, "answered", "EARLY"
		f.tell("CHANNEL_ANSWER", c)
		c.call = "ACTIVE"
	}
	return "+OK\n"
}

func (f *FreeSWITCH) uuidRingReady(c *channel, _ string) string {
	if c.inbound && c.answer == "ringing" && !c.rings {
		c.rings = true
		f.tell("CHANNEL_PROGRESS", c)
	}
	return "+OK\n"
}

// row is one channel of the list.
type row struct {
	UUID      string `json:"uuid"`
	Direction string `json:"direction"`
	Name      string `json:"name"`
	State     string `json:"state"`
	CallState string `json:"callstate"`
	App       string `json:"application"`
	Dest      string `json:"dest"`
}

// show lists the channels as they were a moment ago.
func (f *FreeSWITCH) show(rest string) string {
	if rest != "channels as json" {
		return "-USAGE: codec|endpoint|application|api|dialplan|file|timer|calls|channels…\n"
	}
	rows := []row{}
	for _, c := range f.channels {
		if time.Since(c.made) >= list && (c.gone.IsZero() || time.Since(c.gone) < list) {
			rows = append(rows, row{c.id, "outbound", c.name(), c.state, c.call, c.app, c.number})
		}
	}
	if len(rows) == 0 {
		return `{"row_count": 0}` + "\n"
	}
	text, _ := json.Marshal(struct {
		Count int   `json:"row_count"`
		Rows  []row `json:"rows"`
	}{len(rows), slices.Clip(rows)})
	return string(text)
}
