package ari

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/CyCoreSystems/ari/v5"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/fault"
)

// bridge is one that we have made. It is guarded by the backend's mutex.
type bridge struct {
	first, second string // legs; the first is told of the join
	inside        []string
	wanted        bool // core has ordered the join
	told          bool
	built         bool // it has been made in Asterisk since it is known
	held          bool // by us: one of them is outside, and the other hears beeps
}

const bridgeSuffix = "-bridge"

// bridgeOf returns the id of the bridge of two legs, in any order.
func bridgeOf(a, b string) string { return min(a, b) + "-" + max(a, b) + bridgeSuffix }

// pair makes the bridge of two legs known; whoever is in another leaves that one (Asterisk moves its channel). b.mu is held.
func (b *Backend) pair(first, second *leg) (id string, of *bridge) {
	id = bridgeOf(first.id, second.id)
	of = b.bridges[id]
	if of == nil {
		of = &bridge{}
		b.bridges[id] = of
	}
	if of.first == "" { // also one that a former process has made
		of.first, of.second = first.id, second.id
	}
	for _, l := range []*leg{first, second} {
		if l.bridge != id {
			b.leaveBridge(l)
			l.bridge = id
		}
	}
	return id, of
}

// bridgeEarly lets the caller hear what a callee sends before it answers; b.mu is held.
func (b *Backend) bridgeEarly(l *leg) {
	caller := b.legs[l.joinTo]
	if caller == nil || caller.state != call.LegAnswered {
		return
	}
	if other := b.peer(caller); other != nil && other != caller && other.why == "" { // one of several that ring at once
		return
	}
	id, _ := b.pair(caller, l)
	b.uplink.Go(func(ctx context.Context) {
		if err := errors.Join(b.quiet(ctx, caller), b.put(ctx, id, caller.channel, l.channel)); err != nil {
			b.log.Info("early media is not heard", "leg", l.id, "error", err)
		}
	})
}

// put makes a bridge and puts channels into it, unless whoever it was for has left meanwhile.
func (b *Backend) put(ctx context.Context, id string, channels ...string) error {
	return b.inTurn(ctx, id, func() error {
		b.mu.Lock()
		of := b.bridges[id]
		if of != nil {
			of.built = true
		}
		b.mu.Unlock()
		if of == nil {
			return nil
		}
		if err := b.api.MakeBridge(ctx, id, b.archive != ""); err != nil {
			return err
		}
		return b.api.Enter(ctx, id, channels...)
	})
}

// again brings a leg back into its bridge behind which the dialplan has just connected another phone: in a bridge for many (see put)
// the other might not hear that phone (seen on 22.10, one time of two). b.mu is held.
func (b *Backend) again(l *leg) {
	of, id := b.bridges[l.bridge], l.bridge
	if of == nil || !of.told || b.archive == "" {
		return
	}
	b.uplink.Go(func(ctx context.Context) {
		err := b.inTurn(ctx, id, func() error {
			b.mu.Lock()
			outside := of.held || b.bridges[id] != of || l.bridge != id
			b.mu.Unlock()
			if outside {
				return nil
			}
			if err := b.api.Leave(ctx, id, l.channel); err != nil {
				return err
			}
			return b.api.Enter(ctx, id, l.channel)
		})
		if settled(err) != nil {
			b.log.Warn("a leg is not brought back into its bridge", "leg", l.id, "error", err)
		}
	})
}

// remove removes a bridge that all have left, unless they are in it again.
func (b *Backend) remove(ctx context.Context, id string) error {
	return b.inTurn(ctx, id, func() error {
		b.mu.Lock()
		of := b.bridges[id]
		again := of != nil && of.built
		b.mu.Unlock()
		if again {
			return nil
		}
		return b.api.DropBridge(ctx, id)
	})
}

// Join implements [call.Backend]. Errors: fault.CodeBackendUnavailable when Asterisk did not answer.
func (b *Backend) Join(ctx context.Context, first, second string) error {
	b.mu.Lock()
	x, y, err := b.legs[first], b.legs[second], b.down()
	if err != nil || x == nil || y == nil {
		b.mu.Unlock()
		return err // the end of one of them is told
	}
	id, of := b.pair(x, y)
	of.first, of.second, of.wanted = first, second, true
	b.joinedNow(id)
	already := of.told
	b.mu.Unlock()
	if already {
		return nil
	}
	err = b.put(ctx, id, x.channel, y.channel)
	switch {
	case err == nil || client.Gone(err):
		return nil
	case client.Status(err) == 0:
		return fault.Wrap(fault.CodeBackendUnavailable, err, "Asterisk did not answer")
	}
	return err
}

// entered: a channel has come into a bridge.
func (b *Backend) entered(id string, inside []string) {
	of := b.bridges[id]
	if of == nil {
		return
	}
	of.inside = inside
	b.joinedNow(id)
}

// joinedNow tells the join when both are in their bridge, and core has ordered it; b.mu is held.
func (b *Backend) joinedNow(id string) {
	of := b.bridges[id]
	x, y := b.legs[of.first], b.legs[of.second]
	if !of.wanted || of.told || x == nil || y == nil || !slices.Contains(of.inside, x.channel) || !slices.Contains(of.inside, y.channel) {
		return
	}
	of.told = true
	b.tell(call.LegEvent{Leg: of.first, Kind: call.EvJoined, Peer: of.second})
}

// peer returns the leg that another is in a bridge with, nil for none; b.mu is held.
func (b *Backend) peer(l *leg) *leg {
	of := b.bridges[l.bridge]
	switch {
	case of == nil:
		return nil
	case of.first == l.id:
		return b.legs[of.second]
	}
	return b.legs[of.first]
}

// leaveBridge takes a leg out of its bridge's record, and removes the bridge if it was the last; b.mu is held.
func (b *Backend) leaveBridge(l *leg) {
	if id := b.forgetBridge(l); id != "" {
		b.uplink.Go(func(ctx context.Context) { _ = b.remove(ctx, id) })
	}
}

// forgetBridge takes a leg out of its bridge's record, and returns the bridge if it was the last in it; b.mu is held.
func (b *Backend) forgetBridge(l *leg) (empty string) {
	id := l.bridge
	if id == "" {
		return ""
	}
	l.bridge = ""
	if r := b.recordIn(id); r != nil {
		b.endRecord(r) // who is parted is not recorded any more
	}
	for _, other := range b.legs {
		if other.bridge == id {
			return ""
		}
	}
	delete(b.bridges, id)
	return id
}

// Part implements [call.Parter].
func (b *Backend) Part(ctx context.Context, id string) error {
	l, err := b.answeredLeg(id)
	if l == nil || err != nil {
		return err
	}
	b.mu.Lock()
	from := l.bridge
	of := b.bridges[from]
	inside := of != nil && (!of.held || slices.Contains(of.inside, l.channel))
	empty := b.forgetBridge(l)
	b.mu.Unlock()
	err = b.quiet(ctx, l)
	if err == nil && inside {
		err = b.outOf(ctx, from, l.channel)
	}
	if empty != "" { // before we return: the two may be joined anew, in a bridge of the same id
		_ = b.remove(ctx, empty)
	}
	return err
}

// outOf takes a channel out of a bridge. One that is not in there is out: the process before us may have done it.
func (b *Backend) outOf(ctx context.Context, bridge, channel string) error {
	err := b.api.Leave(ctx, bridge, channel)
	if s := client.Status(err); s == http.StatusUnprocessableEntity || s == http.StatusConflict { // the latter of a bridge that is going
		return nil
	}
	return settled(err)
}

// Hold implements [call.Holder]: the one leaves the bridge, and the other hears beeps there.
func (b *Backend) Hold(ctx context.Context, id string, on bool) error {
	l, err := b.joined(id)
	if l == nil || err != nil {
		return err
	}
	b.mu.Lock()
	of, in := b.bridges[l.bridge], l.bridge
	b.mu.Unlock()
	if of == nil || !of.told {
		return fault.New(fault.CodeConflict, "the leg is not joined")
	}
	if err = b.inTurn(ctx, in, func() error { return b.holdIn(ctx, in, of, l, on) }); err != nil {
		return settled(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.legs[id] != l || l.bridge != in {
		return nil // has gone meanwhile
	}
	kind := call.EvResumed
	if on {
		kind = call.EvHeld
	}
	b.tell(call.LegEvent{Leg: id, Kind: kind})
	b.adjustRecord(in)
	return nil
}

// holdIn does what [Backend.Hold] orders, in the turn of the bridge. What plays there is heard one after the other.
func (b *Backend) holdIn(ctx context.Context, id string, of *bridge, l *leg, on bool) error {
	b.mu.Lock()
	held := of.held
	b.mu.Unlock()
	var err error
	switch {
	case held == on:
		return nil
	case on:
		if err = b.api.Leave(ctx, id, l.channel); err == nil {
			b.isOutside(of, l)
			err = b.unannounced(ctx, id)
		}
		if err == nil {
			err = b.api.PlayInto(ctx, id, id+toneSuffix, "tone:callwaiting")
		}
	default:
		err = b.resume(ctx, id)
	}
	if err == nil {
		b.mu.Lock()
		of.held = on
		b.mu.Unlock()
	}
	return err
}

func (b *Backend) isOutside(of *bridge, l *leg) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of.inside = slices.DeleteFunc(slices.Clone(of.inside), func(c string) bool { return c == l.channel })
}

// resume brings whoever is outside back.
func (b *Backend) resume(ctx context.Context, id string) error {
	if err := settled(b.api.StopPlaying(ctx, id+toneSuffix)); err != nil {
		return err
	}
	b.mu.Lock()
	var outside []string // who is inside stays there: a recording ends with a moment in which nobody is
	for _, l := range b.inBridge(id) {
		if of := b.bridges[id]; of != nil && !slices.Contains(of.inside, l.channel) {
			outside = append(outside, l.channel)
		}
	}
	b.mu.Unlock()
	if len(outside) == 0 {
		return nil
	}
	return b.api.Enter(ctx, id, outside...)
}

// sweep looks at the bridges of ours after each connect: those that nobody is in were left by a former process and are
// removed; who is in the others is noted.
func (b *Backend) sweep(ctx context.Context) error {
	all, err := b.api.Bridges(ctx)
	if err != nil {
		return err
	}
	for _, br := range all {
		if strings.HasSuffix(br.ID, bridgeSuffix) && b.origin.Made(br.ID) && !b.found(br) {
			_ = b.api.DropBridge(ctx, br.ID)
		}
	}
	return nil
}

// found notes who is in a bridge; false if nobody is, and nobody is expected.
func (b *Backend) found(br ari.BridgeData) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := b.bridges[br.ID]
	if of == nil {
		of = &bridge{}
		b.bridges[br.ID] = of
	}
	of.inside = br.ChannelIDs
	of.held = of.told && len(of.inside) == 1 // nothing else parts two that talk and leaves both
	expected := of.wanted
	for _, l := range b.legs {
		if slices.Contains(br.ChannelIDs, l.channel) {
			l.bridge = br.ID
		}
		expected = expected || l.bridge == br.ID
	}
	if !expected && len(br.ChannelIDs) == 0 {
		delete(b.bridges, br.ID)
		return false
	}
	return true
}
