package asterisktest

import "slices"

// bridge is a mixing bridge.
type bridge struct {
	id, name string
	made     string
	inside   []*channel
	plays    *playback
}

// playback is what plays to a channel or in a bridge. A tone has no end by itself.
type playback struct {
	id, media, target string
	to                *channel
	in                *bridge
	over              chan struct{}
}

func (a *Asterisk) bridge(id string) *bridge {
	i := slices.IndexFunc(a.bridges, func(b *bridge) bool { return b.id == id })
	if i < 0 {
		return nil
	}
	return a.bridges[i]
}

func (b *bridge) data() map[string]any {
	ids := []string{}
	for _, c := range b.inside {
		ids = append(ids, c.id)
	}
	return map[string]any{"id": b.id, "name": b.name, "technology": "simple_bridge", "bridge_type": "mixing", "bridge_class": "stasis", "creator": "Stasis",
		"channels": ids, "creationtime": b.made, "video_mode": "talker"}
}

// join brings a channel into a bridge, out of any that it is in.
func (a *Asterisk) join(b *bridge, c *channel) {
	a.part(c) // also out of the same
	c.bridge = b
	b.inside = append(b.inside, c)
	a.listen(b)
	a.tellIn("ChannelEnteredBridge", facts{"bridge": b.data(), "channel": c.data()}, b.inside...)
}

// part takes a channel out of its bridge.
func (a *Asterisk) part(c *channel) {
	b := c.bridge
	if b == nil {
		return
	}
	was := slices.Clone(b.inside)
	c.bridge = nil
	b.inside = slices.DeleteFunc(b.inside, func(x *channel) bool { return x == c })
	a.tellIn("ChannelLeftBridge", facts{"bridge": b.data(), "channel": c.data()}, was...)
	if len(b.inside) == 0 {
		a.finish(b)
	}
}

// drop removes a bridge; who was in it stays in the application.
func (a *Asterisk) drop(b *bridge) {
	a.stop(b.plays, "failed")
	a.finish(b)
	for _, c := range slices.Clone(b.inside) {
		a.part(c)
	}
	a.bridges = slices.DeleteFunc(a.bridges, func(x *bridge) bool { return x == b })
}

func (p *playback) data(state string) map[string]any {
	return map[string]any{"id": p.id, "media_uri": p.media, "target_uri": p.target, "language": "en", "state": state}
}

// stop ends what plays; nil is nothing.
func (a *Asterisk) stop(p *playback, state string) {
	if p == nil {
		return
	}
	delete(a.playbacks, p.id)
	close(p.over)
	f := facts{"playback": p.data(state)}
	if p.in != nil {
		if p.in.plays == p {
			p.in.plays = nil
		}
		a.tellIn("PlaybackFinished", f, p.in.inside...)
		return
	}
	p.to.plays = nil
	a.tellIn("PlaybackFinished", f, p.to)
}
