package asterisktest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// What is asked of bridges, and of what plays.

func (a *Asterisk) listBridges(*http.Request) (int, any) {
	all := []any{}
	for _, b := range a.bridges {
		all = append(all, b.data())
	}
	return http.StatusOK, all
}

func (a *Asterisk) makeBridge(r *http.Request) (int, any) {
	b := a.bridge(r.PathValue("id"))
	if b == nil {
		b = &bridge{id: r.PathValue("id"), name: r.URL.Query().Get("name"), made: now()}
		a.bridges = append(a.bridges, b)
	}
	return http.StatusOK, b.data()
}

func (a *Asterisk) dropBridge(_ *http.Request, b *bridge) (int, any) {
	a.drop(b)
	return http.StatusNoContent, nil
}

// addChannel waits for whom something plays to: Asterisk does not let such a channel into a bridge.
func (a *Asterisk) addChannel(r *http.Request, b *bridge) (int, any) {
	all, status, why := a.named(r)
	if status != 0 {
		return status, says(why)
	}
	for _, c := range all {
		a.silence(r, c)
		if c.over || a.bridge(b.id) != b {
			return http.StatusInternalServerError, says("Channel could not be added")
		}
		a.join(b, c)
	}
	return http.StatusNoContent, nil
}

// silence waits until nothing plays to a channel; a.mu is held, and given up meanwhile.
func (a *Asterisk) silence(r *http.Request, c *channel) {
	for c.plays != nil && r.Context().Err() == nil {
		over := c.plays.over
		a.mu.Unlock()
		select {
		case <-over:
		case <-r.Context().Done():
		}
		a.mu.Lock()
	}
}

func (a *Asterisk) removeChannel(r *http.Request, b *bridge) (int, any) {
	all, status, why := a.named(r)
	if status != 0 {
		return status, says(why)
	}
	if slices.ContainsFunc(all, func(c *channel) bool { return c.bridge != b }) {
		return http.StatusUnprocessableEntity, says("Channel not in this bridge")
	}
	for _, c := range all {
		a.part(c)
	}
	return http.StatusNoContent, nil
}

// named are the channels that a request names.
func (a *Asterisk) named(r *http.Request) (all []*channel, status int, why string) {
	for id := range strings.SplitSeq(r.URL.Query().Get("channel"), ",") {
		c := a.channel(id)
		switch {
		case c == nil:
			return nil, http.StatusBadRequest, "Channel not found"
		case c.app == "":
			return nil, http.StatusUnprocessableEntity, "Channel not in Stasis application"
		}
		all = append(all, c)
	}
	return all, 0, ""
}

func (a *Asterisk) play(r *http.Request, c *channel) (int, any) {
	if c.app == "" {
		return http.StatusConflict, says("Channel not in Stasis application")
	}
	p := &playback{to: c, target: "channel:" + c.id}
	c.plays = p
	return a.plays(r, p)
}

func (a *Asterisk) playInto(r *http.Request, b *bridge) (int, any) {
	p := &playback{in: b, target: "bridge:" + b.id}
	b.plays = p
	for _, c := range b.inside {
		if c.other != nil { // which takes it for early media
			a.dialled("PROGRESS", nil, c.other, "")
		}
	}
	return a.plays(r, p)
}

func (a *Asterisk) plays(r *http.Request, p *playback) (int, any) {
	p.id, p.media, p.over = r.PathValue("play"), r.URL.Query().Get("media"), make(chan struct{})
	var asked struct{ Media []string }
	if json.NewDecoder(r.Body).Decode(&asked) == nil && len(asked.Media) > 0 {
		p.media = asked.Media[0]
	}
	a.playbacks[p.id] = p
	return http.StatusCreated, p.data("queued")
}

func (a *Asterisk) stopPlaying(r *http.Request) (int, any) {
	p := a.playbacks[r.PathValue("id")]
	if p == nil {
		return http.StatusNotFound, says("Playback not found")
	}
	a.stop(p, "done")
	return http.StatusNoContent, nil
}
