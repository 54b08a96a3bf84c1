package freeswitchtest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// background carries out a command as a job; what it comes to is told later.
func (f *FreeSWITCH) background(id, line string) {
	if text, is := strings.CutPrefix(line, "originate "); is {
		if failed := f.originate(id, text); failed != "" {
			f.jobDone(id, text, failed+"\n")
		}
		return
	}
	f.jobDone(id, line, f.api(line))
}

// jobDone tells what a job has come to.
func (f *FreeSWITCH) jobDone(id, text, body string) {
	f.send("BACKGROUND_JOB", []header{{"Job-UUID", id}, {"Job-Command", "originate"}, {"Job-Command-Arg", text}}, body)
}

// originate rings a phone. What comes to nothing without a channel is returned.
func (f *FreeSWITCH) originate(job, text string) string {
	o, ok := ReadOriginate(text)
	switch {
	case !ok:
		return "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]"
	case o.Calls != 1 || len(o.Endpoints) != 1 || o.Does != "&park()":
		return "-ERR CHAN_NOT_IMPLEMENTED" // here there is one way to do it
	}
	p, failed := f.reach(o.Endpoints[0])
	switch {
	case failed != "":
		return "-ERR " + failed
	case f.channel(o.Variables["origination_uuid"]) != nil:
		return "-ERR DESTINATION_OUT_OF_ORDER"
	}
	c := f.add(&channel{id: o.Variables["origination_uuid"], phone: p, number: p.Address(), vars: o.Variables, job: job, what: text})
	f.tell("CHANNEL_CREATE", c)
	c.state = "CS_CONSUME_MEDIA"
	if limit, _ := strconv.Atoi(o.Variables["originate_timeout"]); limit > 0 {
		c.limit = f.later(time.Duration(limit)*time.Second, func() { f.timeOut(c) })
	}
	p.Ring(line{f, c})
	return ""
}

// timeOut is the end of an originate that nobody has answered: of one that has sent sound nothing more is awaited.
func (f *FreeSWITCH) timeOut(c *channel) {
	if c.job != "" && !c.up {
		f.result(c, "-ERR NO_ANSWER\n")
		f.hang(c, ending{cause: "NO_ANSWER", disposition: "send_cancel"})
	}
}

// done is the end of an originate that there is sound of: the channel is parked.
func (f *FreeSWITCH) done(c *channel) {
	f.later(step, func() {
		if c.over || c.job == "" {
			return
		}
		f.result(c, "+OK "+c.id+"\n")
		f.park(c, "CS_EXECUTE")
	})
}

// on does what a channel is to do when something happens: in the order of the names, which is not FreeSWITCH's, but that of ours.
func (f *FreeSWITCH) on(c *channel, what string) {
	for _, name := range slices.Sorted(maps.Keys(c.vars)) {
		if strings.HasPrefix(name, what) {
			f.api(c.vars[name])
		}
	}
}

// lifted is the answer of a phone that was rung.
func (f *FreeSWITCH) lifted(c *channel) {
	c.answer, c.up = "answered", true
	f.tell("CHANNEL_ANSWER", c)
	c.call = "ACTIVE"
	f.on(c, "api_on_answer")
	if c.caller != nil {
		f.connects(c)
		return
	}
	f.done(c)
}
