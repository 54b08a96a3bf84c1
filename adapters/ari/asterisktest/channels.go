package asterisktest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What is asked of channels.

func (a *Asterisk) listChannels(*http.Request) (int, any) {
	all := []any{}
	for _, c := range a.channels {
		all = append(all, c.data())
	}
	return http.StatusOK, all
}

// create makes a channel that enters an application at once.
func (a *Asterisk) create(r *http.Request) (int, any) {
	var o struct {
		Endpoint, App, ChannelID, OtherChannelID string
		Variables                                map[string]string
	}
	if json.NewDecoder(r.Body).Decode(&o) != nil {
		return http.StatusBadRequest, says("Invalid request body")
	}
	if a.channel(o.ChannelID) != nil {
		return http.StatusConflict, says("Channel with given unique ID already exists")
	}
	tech, to, _ := strings.Cut(o.Endpoint, "/")
	exten, _, _ := strings.Cut(to, "@")
	p := a.phones[to]
	var c *channel
	switch {
	case tech == "Local":
		c = a.local(o.ChannelID, o.OtherChannelID, exten)
	case tech == "PJSIP" && p != nil && p.There():
		c = a.pjsip(o.ChannelID, p)
	default:
		return http.StatusInternalServerError, map[string]string{"error": "Allocation failed"}
	}
	c.created = true
	for name, value := range o.Variables {
		c.set(strings.TrimLeft(name, "_"), value)
	}
	a.enter(c, o.App, nil)
	return http.StatusOK, c.data()
}

// set sets a variable, also of the other half of a Local channel.
func (c *channel) set(name, value string) {
	c.vars[name] = value
	switch name {
	case "CALLERID(name)":
		c.ident.Name = value
	case "CALLERID(num)":
		c.ident.Number = value
	}
	if c.other != nil {
		c.other.vars[name], c.other.ident = value, c.ident
	}
}

func (a *Asterisk) delete(r *http.Request, c *channel) (int, any) {
	cause, _ := strconv.Atoi(r.URL.Query().Get("reason_code"))
	a.hangUp(c, cause)
	return http.StatusNoContent, nil
}

// inApp reports a channel that an application may order about.
func inApp(c *channel, do func()) (int, any) {
	if c.app == "" {
		return http.StatusConflict, says("Channel not in Stasis application")
	}
	do()
	return http.StatusNoContent, nil
}

func (a *Asterisk) dial(r *http.Request, c *channel) (int, any) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("timeout"))
	return inApp(c, func() { a.ringUp(c, time.Duration(limit)*time.Second) })
}

func (a *Asterisk) answer(_ *http.Request, c *channel) (int, any) {
	return inApp(c, func() { c.ring = false; a.becomes(c, "Up") })
}

func (a *Asterisk) ring(_ *http.Request, c *channel) (int, any) {
	return inApp(c, func() { c.ring = true })
}

// goOn gives a channel back to the dialplan, which has nothing more to do with it.
func (a *Asterisk) goOn(_ *http.Request, c *channel) (int, any) {
	return inApp(c, func() { a.leave(c); a.gone(c, 0, 0) })
}

func (a *Asterisk) dtmf(r *http.Request, c *channel) (int, any) {
	return inApp(c, func() { a.press(c, r.URL.Query().Get("dtmf")) })
}

func (a *Asterisk) variable(r *http.Request, c *channel) (int, any) {
	value, ok := c.vars[r.URL.Query().Get("variable")]
	if !ok {
		return http.StatusNotFound, says("Provided variable was not found")
	}
	return http.StatusOK, map[string]string{"value": value}
}

func (a *Asterisk) setVariable(r *http.Request, c *channel) (int, any) {
	q := r.URL.Query()
	c.set(q.Get("variable"), q.Get("value"))
	return http.StatusNoContent, nil
}
