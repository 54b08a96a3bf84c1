package asterisktest

import (
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
)

// recording is one of a bridge. Its file holds, for sound, the numbers of those who were heard in the end.
type recording struct {
	name   string
	of     *bridge // nil once it has ended
	muted  bool
	voices []string
}

// listen notes who is heard in a bridge now.
func (a *Asterisk) listen(b *bridge) {
	for _, r := range a.recordings {
		if r.of == nil || r.of != b {
			continue
		}
		r.voices = nil
		for _, c := range b.inside {
			if p := c.voiced(); p != nil && !r.muted && !p.holds {
				r.voices = append(r.voices, p.phone.Address())
			}
		}
	}
}

// finish ends what is recorded in a bridge. Nobody hears of it who is not inside.
func (a *Asterisk) finish(b *bridge) {
	for _, r := range a.recordings {
		if r.of == b {
			r.of = nil
			a.tellIn("RecordingFinished", facts{"recording": r.data(b, "done")}, b.inside...)
		}
	}
}

func (r *recording) data(b *bridge, state string) map[string]any {
	return map[string]any{"name": r.name, "format": "wav", "state": state, "target_uri": "bridge:" + b.id}
}

func (a *Asterisk) recording(name string) *recording {
	for _, r := range a.recordings {
		if r.name == name {
			return r
		}
	}
	return nil
}

// BreakRecordings takes the folder of recordings away.
func (a *Asterisk) BreakRecordings() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noSpool = true
}

func (a *Asterisk) record(r *http.Request, b *bridge) (int, any) {
	name := r.URL.Query().Get("name")
	switch {
	case a.noSpool:
		return http.StatusInternalServerError, map[string]string{"error": "Internal Server Error"}
	case a.recording(name) != nil:
		return http.StatusConflict, says("Recording with name '" + name + "' already in progress")
	}
	rec := &recording{name: name, of: b}
	a.recordings = append(a.recordings, rec)
	a.listen(b)
	a.tellIn("RecordingStarted", facts{"recording": rec.data(b, "recording")}, b.inside...)
	return http.StatusCreated, rec.data(b, "queued")
}

// onRecording does something with one that runs, or with one that has ended.
func (a *Asterisk) onRecording(runs bool, do func(*recording) (int, any)) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		if rec := a.recording(r.PathValue("name")); rec != nil && (rec.of != nil) == runs {
			return do(rec)
		}
		return http.StatusNotFound, says("Recording not found")
	}
}

func (a *Asterisk) live(r *recording) (int, any) { return http.StatusOK, r.data(r.of, "recording") }

func (a *Asterisk) stopRecording(r *recording) (int, any) {
	a.finish(r.of)
	return http.StatusNoContent, nil
}

// mute takes a second order of the same kind for the opposite, as Asterisk does.
func (a *Asterisk) mute(r *recording) (int, any) {
	r.muted = !r.muted
	a.listen(r.of)
	return http.StatusNoContent, nil
}

func (a *Asterisk) stored(*http.Request) (int, any) {
	if a.noSpool {
		return http.StatusInternalServerError, map[string]string{"error": "Internal Server Error"}
	}
	all := []any{}
	for _, r := range a.recordings {
		all = append(all, map[string]string{"name": r.name, "format": "wav"})
	}
	return http.StatusOK, all
}

// file is a WAV file: see RIFF, 16 bit, 8 kHz, one channel.
func (a *Asterisk) file(r *recording) (int, any) {
	said := []byte(strings.Join(r.voices, " "))
	said = append(said, make([]byte, len(said)%2)...)
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(head[4:], uint32(36+len(said)))
	binary.LittleEndian.PutUint32(head[40:], uint32(len(said)))
	return http.StatusOK, append(head, said...)
}

func (a *Asterisk) forget(r *recording) (int, any) {
	a.recordings = slices.DeleteFunc(a.recordings, func(x *recording) bool { return x == r })
	return http.StatusNoContent, nil
}
