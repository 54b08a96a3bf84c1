package sip

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/tone"
)

// recordable gives a house a folder for recordings.
func recordable(t *testing.T) func(*Config) {
	return func(c *Config) { c.Media.Recordings, c.Media.NoBeep = filepath.Join(t.TempDir(), "kept"), true }
}

// recording waits for the next event of leg-a that tells of a recording.
func (h *house) recording(want call.LegEventKind, name string) (ev call.LegEvent) {
	h.t.Helper()
	h.eventually("it is told of "+name, func() bool {
		ev = h.next("leg-a")
		return ev.Recording == name
	})
	if ev.Kind != want {
		h.t.Fatalf("told %s of %s, %q, want %s\n%s", ev.Kind, name, ev.Text, want, h.drawn())
	}
	return ev
}

func (h *house) record(name string) { h.t.Helper(); h.do(h.stack.Record(h.t.Context(), "leg-a", name)) }

func (h *house) stopRecord(name string) {
	h.t.Helper()
	h.do(h.stack.StopRecord(h.t.Context(), "leg-a", name))
}

// Their sound comes to us while it is recorded, and goes directly again afterwards. Nobody else may read the file.
func TestRecordingOfTwoThatTalkDirectly(t *testing.T) {
	h := newHouse(t, recordable(t)).start()
	if !h.stack.Capabilities().Record {
		t.Error("it is not declared")
	}
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	h.record("one")
	toA := a.comesBack()
	if toA.AddrPort() == b.rtp || toA.Direction != sdp.SendRecv {
		t.Errorf("who is recorded was offered %+v", toA)
	}
	toB := b.comesBack()
	h.recording(call.EvRecording, "one")
	h.record("one")
	faultIs(t, h.stack.Record(t.Context(), "leg-a", "two"), fault.CodeConflict)
	faultIs(t, h.stack.Record(t.Context(), "leg-b", "two"), fault.CodeConflict)
	hearThrough(a, toA, b, toB)
	h.stopRecord("one")
	h.recording(call.EvRecorded, "one")
	sides := readRecording(t, filepath.Join(h.stack.cfg.Media.Recordings, "one.wav"))
	for side, payload := range []byte{0x11, 0x22} {
		if !saidIn(sides[side], payload) {
			t.Errorf("side %d does not say %x", side, payload)
		}
	}
	for path, mode := range map[string]os.FileMode{"one.wav": 0o600, "": os.ModeDir | 0o700} {
		if info, err := os.Stat(filepath.Join(h.stack.cfg.Media.Recordings, path)); err != nil || info.Mode() != mode {
			t.Errorf("%q: %v, %v", path, info.Mode(), err)
		}
	}
	if to := a.redirected(); to != b.rtp {
		t.Errorf("a sends to %v, want %v", to, b.rtp)
	}
	if to := b.redirected(); to != a.rtp {
		t.Errorf("b sends to %v, want %v", to, a.rtp)
	}
	h.media("direct")
	h.stopRecord("one")
	h.recording(call.EvRecorded, "one")
}

// hearThrough proves that two phones hear each other over what they were offered.
func hearThrough(a *phone, toA sdp.Media, b *phone, toB sdp.Media) {
	for i := range 3 {
		a.says(toA.AddrPort(), uint16(i), 0x11)
		b.says(toB.AddrPort(), uint16(i), 0x22)
	}
	a.hears(func(p byte) bool { return p == 0x22 })
	b.hears(func(p byte) bool { return p == 0x11 })
}

// saidIn reports whether a packet of that one sample is in a recording.
func saidIn(pcm []int16, sample byte) bool {
	level := tone.ALaw.Decode(make([]int16, 1), []byte{sample})[0]
	n := 0
	for _, v := range pcm {
		if n++; v != level {
			n = 0
		}
		if n == 160 {
			return true
		}
	}
	return false
}

func TestRecordingIsNotConfigured(t *testing.T) {
	h := newHouse(t).start()
	if h.stack.Capabilities().Record {
		t.Error("it is declared")
	}
	faultIs(t, h.stack.Record(t.Context(), "leg-a", "one"), fault.CodeNotSupported)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	none := newHouse(t, func(c *Config) { c.Media.Recordings = filepath.Join(file, "kept") })
	err := none.stack.Start(t.Context(), newSink(), nil)
	none.do(none.stack.Stop(t.Context()))
	if f, ok := err.(*fault.Error); !ok || f.Field != "media.recordings" {
		t.Errorf("a folder that cannot be: %v", err)
	}
}

// One recording after the other: what ends does not touch what begins.
func TestRecordedAnewAtOnce(t *testing.T) {
	h := newHouse(t, recordable(t), func(c *Config) { c.Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	said := map[string]byte{"one": 0x11, "two": 0x33}
	toA, _ := anchors(a, b)
	for i, name := range []string{"one", "two"} {
		h.record(name)
		h.recording(call.EvRecording, name)
		a.says(toA, uint16(i), said[name])
		b.hears(func(p byte) bool { return p == said[name] })
		h.stopRecord(name)
	}
	for name, payload := range said {
		path := filepath.Join(h.stack.cfg.Media.Recordings, name+".wav")
		h.eventually(name+" is complete", func() bool { return saidIn(readRecording(t, path)[0], payload) })
	}
}

// A recording that is not wanted any more before the phones have come back has ended, not failed.
func TestStopBeforeItRuns(t *testing.T) {
	h := newHouse(t, recordable(t)).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	h.record("one")
	inv := a.request("INVITE")
	h.stopRecord("one")
	h.recording(call.EvRecorded, "one")
	a.reply(inv, 200, a.answer(inv))
	h.stillTalking()
}

// A phone that does not come back is not recorded; the two go on talking, and the record can say why.
func TestAPhoneThatIsNotRecorded(t *testing.T) {
	h := newHouse(t, recordable(t)).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	h.record("one")
	inv := a.request("INVITE")
	a.reply(inv, 488, nil)
	a.gets("ACK")
	if ev := h.recording(call.EvRecordFail, "one"); ev.Text == "" {
		t.Error("it is not said why")
	}
	h.stillTalking()
}

// Who talks in a codec that we cannot read is asked for one that we can. Where one refuses, both keep theirs.
func TestRecordingInACodecOfOurs(t *testing.T) {
	g722 := sdp.Codec{PT: 9, Name: "G722", Rate: 8000, Channels: 1}
	for _, takes := range []bool{true, false} {
		h := newHouse(t, recordable(t)).start()
		a, b := h.phone("harry"), h.phone("mary")
		h.direct(a, b)
		h.inCodec(a, b, g722)
		h.record("one")
		toA := a.comesBack()
		if len(toA.Codecs) == 0 || toA.Codecs[0].Name != "PCMA" {
			t.Errorf("offered %+v", toA.Codecs)
		}
		if takes {
			toB := b.comesBack()
			h.recording(call.EvRecording, "one")
			hearThrough(a, toA, b, toB)
			h.stopRecord("one")
			h.recording(call.EvRecorded, "one")
			continue
		}
		inv := b.request("INVITE")
		b.reply(inv, 488, nil)
		b.gets("ACK")
		if m := a.comesBack(); len(m.Codecs) == 0 || m.Codecs[0].Name != "G722" {
			t.Errorf("offered as it was: %+v", m.Codecs)
		}
		h.recording(call.EvRecordFail, "one")
		h.stillTalking()
	}
}

// inCodec lets two phones that talk directly agree on a codec of their own.
func (h *house) inCodec(a, b *phone, c sdp.Codec) {
	h.t.Helper()
	a.codecs = append([]sdp.Codec{c}, sdp.DefaultCodecs()...)
	b.codecs = a.codecs
	a.within("INVITE", a.sdp.Offer(a.rtp, a.codecs[:1], sdp.SendRecv))
	inv := b.request("INVITE")
	b.reply(inv, 200, b.answer(inv))
	b.gets("ACK")
	a.ackOf(a.passes("200"))
}

// Both hear that they are recorded, again and again, unless the administrator says that nobody has to.
func TestRecordingIsAnnounced(t *testing.T) {
	h := newHouse(t, recordable(t), func(c *Config) { c.Relay, c.Media.NoBeep = true, false }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	h.record("one")
	h.recording(call.EvRecording, "one")
	for range 2 {
		for _, p := range []*phone{a, b} {
			p.hears(sounds)
			p.hears(func(payload byte) bool { return !sounds(payload) }) // its end
		}
	}
	h.do(h.stack.Hold(t.Context(), "leg-a", true))
	b.comesBack()
	h.stopRecord("one")
	h.recording(call.EvRecorded, "one")
}

// recorded is a recording that began a minute ago.
func recorded(w *witness) {
	w.stack.cfg.Media.Recordings = w.t.TempDir()
	w.talking(w.a, w.b)
	w.join()
	w.record("one")
	w.recording(call.EvRecording, "one")
	l := w.stack.leg("leg-a")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rec.since = time.Now().Add(-time.Minute)
	l.tell(call.LegEvent{Kind: call.EvResume, Resume: l.resume()})
}

func watchRecorded(w *witness) {
	path := filepath.Join(w.stack.cfg.Media.Recordings, "one.wav")
	defer os.Remove(path) // the next process is to find none
	for _, p := range []*phone{w.a, w.b} {
		inv := w.request(p)
		p.reply(inv, 200, p.answer(inv))
		w.sees(p)
	}
	w.tells("leg-a")
	toA := w.stack.leg("leg-a").ep.Addr()
	w.hears(w.b, func(seq uint16) { w.a.says(toA, seq, 0x62) })
	w.stopRecord("one")
	w.tells("leg-a")
	left := readRecording(w.t, path)[0]
	if !saidIn(left, 0x62) {
		w.lacks("what was said after the restart")
	}
	n := len(left)
	if n > 70*tone.Rate {
		w.t.Errorf("it lasts %d s", n/tone.Rate)
	}
	if n < 60*tone.Rate {
		w.lacks("the minute before")
	}
	w.over()
}

// What is said while one waits is not for the other, and not for the recording.
func TestNothingIsRecordedWhileOneWaits(t *testing.T) {
	h := newHouse(t, recordable(t), func(c *Config) { c.Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	h.record("one")
	h.recording(call.EvRecording, "one")
	toA, _ := anchors(a, b)
	say := func(seq uint16, payload byte) {
		before := h.stack.leg("leg-a").ep.Stats().In
		a.says(toA, seq, payload)
		h.eventually("it has come", func() bool { return h.stack.leg("leg-a").ep.Stats().In > before })
	}
	say(1, 0x11)
	h.do(h.stack.Hold(t.Context(), "leg-a", true))
	b.comesBack()
	say(2, 0x33)
	h.do(h.stack.Hold(t.Context(), "leg-a", false))
	b.comesBack()
	say(3, 0x44)
	b.hears(func(p byte) bool { return p == 0x44 })
	h.stopRecord("one")
	h.recording(call.EvRecorded, "one")
	left := readRecording(t, filepath.Join(h.stack.cfg.Media.Recordings, "one.wav"))[0]
	if !saidIn(left, 0x11) || saidIn(left, 0x33) || !saidIn(left, 0x44) {
		t.Errorf("before %v, while she waits %v, after %v", saidIn(left, 0x11), saidIn(left, 0x33), saidIn(left, 0x44))
	}
}

// Who is parted is not recorded any more.
func TestPartedIsNotRecorded(t *testing.T) {
	for _, leaves := range []string{"leg-a", "leg-b"} {
		h := newHouse(t, recordable(t), func(c *Config) { c.Relay = true }).start()
		a, b := h.phone("harry"), h.phone("mary")
		h.talking(a, b)
		h.join()
		h.record("one")
		h.recording(call.EvRecording, "one")
		h.do(h.stack.Part(t.Context(), leaves))
		h.recording(call.EvRecorded, "one")
		faultIs(t, h.stack.Record(t.Context(), "leg-a", "two"), fault.CodeConflict)
	}
}
