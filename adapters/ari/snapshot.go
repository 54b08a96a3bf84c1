package ari

import (
	"context"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v5"

	"c2d/core/call"
)

// states are Asterisk's words for a channel.
var states = map[string]call.LegState{"Up": call.LegAnswered, "Ringing": call.LegRinging, "Ring": call.LegOffered}

// Snapshot implements [call.Backend]. What happened while nobody listened is made up for: Asterisk tells nothing twice.
func (b *Backend) Snapshot(ctx context.Context) ([]call.LegInfo, error) {
	b.mu.Lock()
	err := b.down()
	known := map[*leg]bool{}
	for _, l := range b.legs {
		known[l] = l.made // another may not be there yet
	}
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	defer b.look()()
	channels, err := b.api.Channels(ctx)
	if err != nil {
		return nil, err
	}
	bridges, err := b.api.Bridges(ctx)
	if err != nil {
		return nil, err
	}
	b.seekPhones(ctx, channels)
	return b.compare(ctx, channels, bridges, known)
}

// look notes until it is told to stop which channels end: a list that was made before must not bring them to life again.
func (b *Backend) look() (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.looking++; b.looking == 1 {
		b.over = map[string]bool{}
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.looking--; b.looking == 0 {
			b.over = nil
		}
	}
}

// noteOver is told of each channel that ends; b.mu is held.
func (b *Backend) noteOver(channel string) {
	if b.looking > 0 {
		b.over[channel] = true
	}
}

// compare lists the legs that are there, takes up those that no record told of, and forgets those that are not there.
func (b *Backend) compare(ctx context.Context, channels []ari.ChannelData, bridges []ari.BridgeData, known map[*leg]bool) ([]call.LegInfo, error) {
	ids, err := b.names(ctx, channels, bridges)
	if err != nil {
		return nil, err
	}
	together := map[string]string{} // legs
	for _, br := range bridges {
		if len(br.ChannelIDs) == 2 {
			x, y := ids[br.ChannelIDs[0]], ids[br.ChannelIDs[1]]
			together[x], together[y] = y, x
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []call.LegInfo
	for _, c := range channels {
		id := ids[c.ID]
		if l := b.channels[c.ID]; l != nil && l.behind[c.ID] != nil {
			b.changed(l, c.ID, c.State)
		}
		if id == "" || b.over[c.ID] {
			continue
		}
		if l := b.legs[id]; l != nil {
			delete(known, l)
			b.catchUp(l, c.State)
		} else {
			b.takeUp(call.OpenLeg{Leg: id, State: stateOf(c), JoinedTo: together[id], Resume: (&leg{channel: c.ID}).resume()})
		}
		all = append(all, b.info(id, c, together[id]))
	}
	for l, made := range known {
		if made { // its end is on its way, or is told as lost in a moment: not core's to guess
			b.missing(l)
			all = append(all, call.LegInfo{Leg: l.id, Handle: l.channel, State: l.state, Since: time.Now().UTC()})
		}
	}
	return all, nil
}

// names returns the leg ids of channels: ours carry them; a channel that the dialplan has offered carries it as a variable,
// which is asked for when it is in a bridge with one of ours and no record says so.
func (b *Backend) names(ctx context.Context, channels []ari.ChannelData, bridges []ari.BridgeData) (map[string]string, error) {
	ids, inside := map[string]string{}, map[string]bool{}
	for _, br := range bridges {
		for _, c := range br.ChannelIDs {
			inside[c] = b.origin.Made(br.ID)
		}
	}
	for _, c := range channels {
		b.mu.Lock()
		l := b.channels[c.ID]
		b.mu.Unlock()
		switch {
		case l != nil && l.channel == c.ID:
			ids[c.ID] = l.id
		case l != nil || strings.HasSuffix(c.ID, far):
		case b.origin.Made(c.ID):
			ids[c.ID] = c.ID
		case inside[c.ID]:
			id, err := b.api.Variable(ctx, c.ID, legVariable)
			if err != nil {
				return nil, err
			}
			if b.origin.Made(id) {
				ids[c.ID] = id
			}
		}
	}
	return ids, nil
}

func (b *Backend) info(id string, c ari.ChannelData, peer string) call.LegInfo {
	i := call.LegInfo{Leg: id, Handle: c.ID, State: stateOf(c), JoinedTo: peer, Since: time.Now().UTC()}
	if l := b.legs[id]; l != nil && i.State == call.LegAnswered {
		i.State = l.state // a mailbox that has answered is no phone
	}
	if c.Creationtime != nil {
		i.Since = time.Unix(c.Creationtime.Seconds, int64(c.Creationtime.Nanos)).UTC()
	}
	return i
}

func stateOf(c ari.ChannelData) call.LegState {
	if s, ok := states[c.State]; ok {
		return s
	}
	return call.LegTrying
}

// catchUp moves a leg to what its channel is by now; b.mu is held.
func (b *Backend) catchUp(l *leg, state string) {
	switch {
	case state == "Up":
		l.up = true
		b.answered(l)
	case state == "Ringing":
		b.ringing(l, false)
	case state == "Down":
		l.seen = true
		b.dial(l)
	}
}

// seekPhones finds the phones that the dialplan has dialled for legs meanwhile, by the variable that they have inherited.
func (b *Backend) seekPhones(ctx context.Context, channels []ari.ChannelData) {
	b.mu.Lock()
	var foreign []ari.ChannelData
	waiting := false
	for _, l := range b.legs {
		waiting = waiting || l.farHalf != "" && l.state != call.LegAnswered
	}
	for _, c := range channels {
		if b.channels[c.ID] == nil && !b.origin.Made(c.ID) {
			foreign = append(foreign, c)
		}
	}
	b.mu.Unlock()
	if !waiting {
		return
	}
	for _, c := range foreign {
		id, err := b.api.Variable(ctx, c.ID, legVariable)
		if err != nil || id == "" {
			continue
		}
		b.mu.Lock()
		if l := b.legs[id]; l != nil && l.farHalf != "" {
			b.follow(l, c.ID, c.Name)
			b.changed(l, c.ID, c.State)
		}
		b.mu.Unlock()
	}
}
