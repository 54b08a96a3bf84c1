package esl

import (
	"context"
	"encoding/json"
	"time"

	"c2d/core/call"
)

// facts are what FreeSWITCH knows of a channel, by header.
type facts map[string]any

// get returns one that is text; a few are lists.
func (f facts) get(name string) string {
	text, _ := f[name].(string)
	return text
}

// dump asks for all that is known of a channel. Errors: see gone, if there is none.
func (b *Backend) dump(ctx context.Context, channel string) (facts, error) {
	text, err := b.call(ctx, "uuid_dump", channel, "json")
	if err != nil {
		return nil, err
	}
	var f facts
	return f, json.Unmarshal([]byte(text), &f)
}

// listed returns the channels of ours that FreeSWITCH lists. The list is a copy that lags behind: it serves to find what no record
// tells of, not to say that something is gone.
func (b *Backend) listed(ctx context.Context) (ids []string, err error) {
	text, err := b.call(ctx, "show", "channels", "as", "json")
	if err != nil {
		return nil, err
	}
	var all struct {
		Rows []struct {
			UUID string `json:"uuid"`
		} `json:"rows"`
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, err
	}
	for _, row := range all.Rows {
		if b.origin.Made(row.UUID) {
			ids = append(ids, row.UUID)
		}
	}
	return ids, nil
}

// Snapshot implements [call.Backend]. What happened while nobody listened is made up for: FreeSWITCH tells nothing twice.
func (b *Backend) Snapshot(ctx context.Context) ([]call.LegInfo, error) {
	ids, err := b.listed(ctx)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	asked := map[string]bool{}
	for channel := range b.channels {
		asked[channel] = true
	}
	b.mu.Unlock()
	for _, id := range ids {
		asked[id] = true
	}
	found := map[string]facts{}
	for channel := range asked {
		if err := b.look(ctx, channel, found); err != nil {
			return nil, err
		}
	}
	for _, f := range found { // whom it talks with may be a channel that the dialplan has handed us
		if peer := bridgedTo(f); peer != "" && found[peer] == nil {
			if err := b.look(ctx, peer, found); err != nil {
				return nil, err
			}
		}
	}
	return b.compare(found, asked), nil
}

// look asks for one channel; one that is gone is not in found then.
func (b *Backend) look(ctx context.Context, channel string, found map[string]facts) error {
	f, err := b.dump(ctx, channel)
	switch {
	case err == nil && !leaving[f.get("Channel-State")]:
		found[channel] = f
	case err != nil && !gone(err):
		return err
	}
	return nil
}

// leaving are the states of a channel that is over, and still there for a moment.
var leaving = map[string]bool{"CS_HANGUP": true, "CS_REPORTING": true, "CS_DESTROY": true}

// waiting are the states of a channel that is parked, or in a dialplan; CS_PARK is that of one that has outlived whom it was bridged to.
var waiting = map[string]bool{"CS_EXECUTE": true, "CS_PARK": true}

// bridgedTo returns the channel that another is bridged to, empty for none.
func bridgedTo(f facts) string {
	if waiting[f.get("Channel-State")] { // what it was bridged to still stands there
		return ""
	}
	return f.get("variable_bridge_uuid")
}

// compare lists the legs that are there, takes up those that no record told of, and forgets those that are not there.
func (b *Backend) compare(found map[string]facts, asked map[string]bool) (all []call.LegInfo) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var met []*leg
	for channel, f := range found {
		if l := b.meet(channel, f, found); l != nil {
			met = append(met, l)
		}
	}
	for channel, f := range found {
		if l := b.channels[channel]; l != nil {
			b.catchUp(l, f)
			all = append(all, b.info(l, f))
		}
	}
	for _, l := range met {
		if y := b.peer(l); y != nil && b.joinOf(y) == nil {
			b.joins[pair(l.id, y.id)] = &join{first: l.id, second: y.id, told: true}
		}
	}
	all = append(all, b.standing(found)...)
	for _, j := range b.joins {
		b.heldNow(j)
	}
	for _, l := range b.legs {
		switch {
		case l.behind != "" && found[b.channelOf(l.behind)] != nil: // listed with those who stand behind others
		case l.behind != "": // and whom it stood behind has gone
			b.missing(l)
			all = append(all, b.info(l, nil))
		case found[l.channel] != nil || !asked[l.channel]:
		case !l.created && l.conn == b.conn: // its originate is on its way
			all = append(all, b.info(l, nil))
		default: // told as lost in a moment, unless its end is on its way to us: not core's to guess
			b.missing(l)
			all = append(all, b.info(l, nil))
		}
	}
	return all
}

// meet makes a channel of ours known that no record tells of, and returns it; b.mu is held.
func (b *Backend) meet(channel string, f facts, found map[string]facts) *leg {
	id := channel
	if !b.origin.Made(id) {
		id = f.get("variable_" + legVariable)
	}
	if b.channels[channel] != nil || b.legs[id] != nil || !b.origin.Made(id) || b.strange(f, found) {
		return nil
	}
	l := &leg{id: id, channel: channel, offered: id != channel, created: true, playing: true, state: call.LegTrying} // nothing is told of it: core decides
	if s, ok := f.state(); ok {
		l.state = s
	}
	b.add(l)
	if l.offered {
		b.uplink.Go(func(ctx context.Context) { _ = b.follow(ctx, channel) })
	}
	return l
}

// state is what a channel's phone does, false for nothing yet. Of a phone that has not said that it rings Answer-State says so, too.
func (f facts) state() (s call.LegState, ok bool) {
	switch {
	case f.get("Answer-State") == "answered":
		return call.LegAnswered, true
	case f.get("Answer-State") == "early":
		return call.LegEarly, true
	case f.get("Channel-Call-State") == "RINGING":
		return call.LegRinging, true
	}
	return "", false
}

// know asks what a leg of a former process does, unless a snapshot has told by now; it reports whether it asked.
func (b *Backend) know(ctx context.Context, l *leg) bool {
	b.mu.Lock()
	known := l.seen || l.conn != nil
	b.mu.Unlock()
	if known {
		return false
	}
	f, err := b.dump(ctx, l.channel)
	if err != nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l.look(f)
	return true
}

// look notes what a channel does by now; b.mu is held.
func (l *leg) look(f facts) {
	l.created, l.missed, l.seen = true, false, true
	l.with = bridgedTo(f)
	if l.with == "" && waiting[f.get("Channel-State")] && (!l.offered || l.handed == nil) { // in park, perhaps with a tone
		l.rest()
	}
}

// catchUp moves a leg to what its channel is by now; b.mu is held.
func (b *Backend) catchUp(l *leg, f facts) {
	l.look(f)
	switch s, _ := f.state(); {
	case l.offered && s != call.LegAnswered:
	case s == call.LegAnswered:
		l.up = true
		b.answered(l)
	case s == call.LegEarly:
		l.rang, l.early = true, true
		b.enter(l, call.LegEarly, call.EvEarlyMedia)
	case s == call.LegRinging:
		l.rang = true
		b.enter(l, call.LegRinging, call.EvRinging)
	}
	if y := b.peer(l); y != nil {
		b.joinedNow(l, y)
	}
}

func (b *Backend) info(l *leg, f facts) call.LegInfo {
	i := call.LegInfo{Leg: l.id, Handle: l.channel, State: l.state, Since: time.Now().UTC()}
	if s, ok := f.state(); ok && !l.offered && l.why == "" && legOrder[s] > legOrder[i.State] {
		i.State = s
	}
	if y := b.peer(l); y != nil {
		i.JoinedTo = y.id
	}
	if y := b.partner(l); y != nil && (l.behind == y.id || y.behind == l.id) {
		i.JoinedTo = y.id
	}
	var micros int64
	if json.Unmarshal([]byte(f.get("Caller-Channel-Created-Time")), &micros) == nil && micros > 0 {
		i.Since = time.UnixMicro(micros).UTC()
	}
	return i
}
