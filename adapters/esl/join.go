package esl

import (
	"context"
	"errors"

	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/tone"
)

// join is two legs that are to be joined, or are. It is guarded by the backend's mutex.
type join struct {
	first, second string // legs; the first is told of it
	told          bool
	held          bool   // by us: both are parked, and who waits hears that he does
	resumes       string // the leg that is told of the end of that
}

// pair names two legs, in any order.
func pair(a, b string) string { return min(a, b) + " " + max(a, b) }

// joinOf returns the join that a leg is in, nil for none; b.mu is held.
func (b *Backend) joinOf(l *leg) *join {
	for _, j := range b.joins {
		if j.first == l.id || j.second == l.id {
			return j
		}
	}
	return nil
}

// partner returns the leg that another is joined to by core's order, nil for none; b.mu is held.
func (b *Backend) partner(l *leg) *leg {
	switch j := b.joinOf(l); {
	case j == nil || !j.told:
		return nil
	case j.first == l.id:
		return b.legs[j.second]
	default:
		return b.legs[j.first]
	}
}

// peer returns the leg that another is bridged to, nil for none of ours; b.mu is held.
func (b *Backend) peer(l *leg) *leg {
	if l.with == "" {
		return nil
	}
	return b.channels[l.with]
}

// Join implements [call.Backend]. Errors: fault.CodeBackendUnavailable when FreeSWITCH did not answer.
func (b *Backend) Join(ctx context.Context, first, second string) error {
	b.mu.Lock()
	x, y, err := b.legs[first], b.legs[second], b.down()
	if err != nil || x == nil || y == nil {
		b.mu.Unlock()
		return err // the end of one of them is told
	}
	j := b.joins[pair(first, second)]
	if j == nil {
		b.unjoin(x, y)
		j = &join{}
		b.joins[pair(first, second)] = j
	}
	j.first, j.second = first, second
	already := b.joinedNow(x, y)
	b.mu.Unlock()
	for _, l := range []*leg{x, y} { // until they are parked one may have to outlive another; a bridge for early media may be on its way
		if already {
			break
		}
		if err := b.untilParked(ctx, l); err != nil {
			return err
		}
		b.mu.Lock()
		already = b.joinedNow(x, y)
		b.mu.Unlock()
	}
	if err := errors.Join(b.together(ctx, x), b.together(ctx, y)); err != nil || already {
		return err
	}
	return b.bridge(ctx, x, y)
}

// unjoin forgets the joins that two legs are in; b.mu is held.
func (b *Backend) unjoin(legs ...*leg) {
	for key, j := range b.joins {
		for _, l := range legs {
			if j.first == l.id || j.second == l.id {
				for _, of := range []string{j.first, j.second} { // who was not asked is not recorded
					if other := b.legs[of]; other != nil {
						b.endRecord(other)
					}
				}
				delete(b.joins, key)
			}
		}
	}
}

// joinedNow tells the join of two legs when they are bridged and core has ordered it; b.mu is held. It reports whether they are.
func (b *Backend) joinedNow(x, y *leg) bool {
	if x.with != y.channel {
		return false
	}
	if j := b.joins[pair(x.id, y.id)]; j != nil && !j.told {
		j.told = true
		b.tell(call.LegEvent{Leg: j.first, Kind: call.EvJoined, Peer: j.second})
	} else if j != nil && j.held {
		j.held = false
		b.mask(false, x, y)
		b.tell(call.LegEvent{Leg: j.resumes, Kind: call.EvResumed})
	}
	return true
}

// bridge asks FreeSWITCH to join two channels, both parked, or one with early media: one that rings would be killed.
func (b *Backend) bridge(ctx context.Context, x, y *leg) error {
	_, err := b.call(ctx, "uuid_bridge", x.channel, y.channel)
	if err == nil || gone(err) {
		return nil
	}
	return fault.Wrap(fault.CodeBackendUnavailable, err, "FreeSWITCH did not answer")
}

// bridged: FreeSWITCH tells that a channel is bridged to another.
func (b *Backend) bridged(l *leg, other string) {
	if other == "" {
		return
	}
	l.with, l.parked, l.playing = other, false, false
	l.plays++
	b.givenTo(l, other)
	if y := b.channels[other]; y != nil {
		y.with, y.parked, y.playing = l.channel, false, false
		y.plays++
		b.givenTo(y, l.channel)
		b.joinedNow(l, y)
		l.wake() // who waits to join these two need not
		y.wake()
	}
}

// unbridged: it is alone now, and parked or over soon; so is the other. This may be told when either is bridged to another already.
func (b *Backend) unbridged(l *leg, other string) {
	if l.with == other {
		l.with = ""
	}
	if y := b.channels[other]; y != nil && y.with == l.channel {
		y.with = ""
	}
}

// These are the variables by which a channel survives whom it is bridged to: one that talked, and one with early media. They stand
// only while they must: if we are no more, the survivor would wait for ever.
const (
	afterBridge = "park_after_bridge"
	afterEarly  = "park_after_early_bridge" // holds for one that talked too
)

// joinEarly lets the caller hear what a callee sends before it answers; b.mu is held.
func (b *Backend) joinEarly(l *leg) {
	caller := b.legs[l.joinTo]
	if caller == nil || caller.state != call.LegAnswered || b.legs[l.id] != l || l.up || l.with != "" {
		return
	}
	if !caller.parked { // it hears the media of another phone, which is given up just now, or later
		caller.waiters = append(caller.waiters, func() { b.joinEarly(l) })
		return
	}
	caller.outlives, caller.parked = true, false // from now on: a second phone's media must not part the two
	b.uplink.Go(func(ctx context.Context) {
		_, err := b.call(ctx, "uuid_setvar", caller.channel, afterEarly, "true")
		if err == nil {
			_, err = b.call(ctx, "uuid_bridge", caller.channel, l.channel)
		}
		if err == nil {
			return
		}
		b.log.Info("early media is not heard", "leg", l.id, "error", err)
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.legs[caller.id] == caller && caller.with == "" {
			caller.rest()
		}
	})
}

// together lets a leg be over together with whom it is joined to, if it was to outlive somebody before: the variables stay when
// they have done their work.
func (b *Backend) together(ctx context.Context, l *leg) error {
	b.mu.Lock()
	was := l.outlives
	l.outlives = false
	b.mu.Unlock()
	if !was {
		return nil
	}
	for _, v := range []string{afterEarly, afterBridge} {
		if _, err := b.call(ctx, "uuid_setvar", l.channel, v); settled(err) != nil {
			return err
		}
	}
	return nil
}

// Part implements [call.Parter]: both are parked, and the other one waits for what becomes of it.
func (b *Backend) Part(ctx context.Context, id string) error {
	l, err := b.answeredLeg(id)
	if l == nil || err != nil {
		return err
	}
	b.mu.Lock()
	if l.behind != "" {
		b.mu.Unlock()
		return settledElsewhere()
	}
	alone, given := l.with == "", l.given
	l.given = false
	b.unjoin(l)
	b.mu.Unlock()
	switch {
	case given:
		return b.takeBack(ctx, l)
	case alone:
		return b.quiet(ctx, l)
	}
	return b.parkBoth(ctx, l)
}

// parkBoth takes two channels apart, and returns when both are parked.
func (b *Backend) parkBoth(ctx context.Context, l *leg) error {
	b.mu.Lock()
	y := b.peer(l)
	b.mu.Unlock()
	_, err := b.call(ctx, "uuid_transfer", l.channel, "-both", "park", "inline")
	switch {
	case gone(err):
		return nil
	case err != nil:
		return fault.Wrap(fault.CodeBackendUnavailable, err, "FreeSWITCH did not answer")
	case y == nil:
		return b.untilParked(ctx, l)
	}
	return b.untilParked(ctx, l, y)
}

// Hold implements [call.Holder]. Both are parked, and the other hears that he waits: FreeSWITCH's own hold would ask the leg's phone
// to stop sending, which not every phone does.
func (b *Backend) Hold(ctx context.Context, id string, on bool) error {
	l, err := b.joined(id)
	if l == nil || err != nil {
		return err
	}
	b.knowPair(ctx, l)
	b.mu.Lock()
	j := b.joinOf(l)
	if j == nil || j.held == on {
		b.mu.Unlock()
		return nil
	}
	x, y := b.legs[j.first], b.legs[j.second]
	j.resumes = id
	b.mu.Unlock()
	if !on {
		return b.resume(ctx, x, y)
	}
	if x == l {
		x = y
	}
	if err := b.parkBoth(ctx, l); err != nil {
		return err
	}
	if err := b.play(ctx, x, stream(tone.Hold(b.country), 0)); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.legs[id] == l && b.joinOf(l) == j {
		j.held = true
		b.mask(true, l, x)
		b.tell(call.LegEvent{Leg: id, Kind: call.EvHeld})
	}
	return nil
}

// knowPair makes sure that it is known whether a leg and the one that it is joined to are held, also before the first snapshot.
func (b *Backend) knowPair(ctx context.Context, l *leg) {
	b.mu.Lock()
	j := b.joinOf(l)
	var pair []*leg
	if j != nil {
		pair = []*leg{b.legs[j.first], b.legs[j.second]}
	}
	b.mu.Unlock()
	for _, l := range pair {
		if l != nil && b.know(ctx, l) {
			b.mu.Lock()
			b.heldNow(j)
			b.mu.Unlock()
		}
	}
}

// heldNow notes whether two that were joined are held: nothing else parts two that talk and leaves both; b.mu is held.
func (b *Backend) heldNow(j *join) {
	x, y := b.legs[j.first], b.legs[j.second]
	j.held = j.told && x != nil && y != nil && x.with == "" && y.with == "" && x.behind == "" && y.behind == ""
}

// resume brings two together again; Resumed is told when they are.
func (b *Backend) resume(ctx context.Context, x, y *leg) error {
	if err := b.untilParked(ctx, x, y); err != nil {
		return err
	}
	return b.bridge(ctx, x, y)
}

// untilParked waits until legs can be joined or played to: a channel that is being answered, or comes out of a bridge, cannot
// yet. One that has ended is not waited for.
func (b *Backend) untilParked(ctx context.Context, legs ...*leg) error {
	for _, l := range legs {
		b.mu.Lock()
		if l.parked || b.legs[l.id] != l {
			b.mu.Unlock()
			continue
		}
		parked := make(chan struct{})
		l.waiters = append(l.waiters, func() { close(parked) })
		b.mu.Unlock()
		select {
		case <-parked:
		case <-ctx.Done():
			return fault.Wrap(fault.CodeBackendUnavailable, ctx.Err(), "FreeSWITCH does not tell that a channel is parked")
		case <-b.uplink.Done():
			return fault.New(fault.CodeBackendUnavailable, "we stop")
		}
	}
	return nil
}
