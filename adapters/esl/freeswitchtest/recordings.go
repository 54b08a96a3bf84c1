package freeswitchtest

import (
	"slices"
	"strings"
)

// recording is one of a channel, in a file of its own: its own phone on the left, whom it is bridged to on the right.
type recording struct {
	path        string
	of          *channel // nil once it has ended
	muted       bool
	left, right string // phones that were heard last
	others      bool   // somebody else was, before
}

// voices notes who is heard in the recordings of a channel now.
func (f *FreeSWITCH) voices(c *channel) {
	for _, r := range f.recordings {
		if r.of != c || r.muted || c.peer == nil || c.holds || c.peer.holds {
			continue
		}
		right := c.peer.phone.Address()
		r.others = r.others || r.right != "" && r.right != right
		r.left, r.right = c.phone.Address(), right
	}
}

func (f *FreeSWITCH) recording(path string) *recording {
	for _, r := range f.recordings {
		if r.path == path {
			return r
		}
	}
	return nil
}

// finish ends the recordings of a channel, or the one of a path.
func (f *FreeSWITCH) finish(c *channel, path string) (found bool) {
	for _, r := range f.recordings {
		if r.of == c && (path == "" || r.path == path) {
			r.of, found = nil, true
			f.tell("RECORD_STOP", c, header{"Record-File-Path", r.path})
		}
	}
	return found
}

// BreakRecordings takes the folder of recordings away.
func (f *FreeSWITCH) BreakRecordings() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noFolder = true
}

// Recorded reports whether a recording is complete, and holds two phones, left and right, and nobody else.
func (f *FreeSWITCH) Recorded(path, left, right string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.recording(path)
	return r != nil && r.of == nil && r.left == left && r.right == right && !r.others
}

func (f *FreeSWITCH) uuidRecord(c *channel, rest string) string {
	do, path, _ := strings.Cut(rest, " ")
	r := f.recording(path)
	runs := r != nil && r.of == c
	switch {
	case do == "start" && f.noFolder:
		return "-ERR Cannot record session!\n"
	case do == "start" && runs:
	case do == "start":
		f.recordings = append(slices.DeleteFunc(f.recordings, func(x *recording) bool { return x == r }), &recording{path: path, of: c})
		f.voices(c)
		f.tell("RECORD_START", c, header{"Record-File-Path", path})
	case do == "stop" && runs:
		f.finish(c, path)
	case do == "stop":
		return "-ERR Cannot stop record session!\n"
	case do == "mask" && !runs:
		return "-ERR Cannot mask recording session!\n"
	case (do == "mask" || do == "unmask") && runs:
		r.muted = do == "mask"
		f.voices(c)
	default:
		return "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
	}
	return "+OK Success\n"
}

// uuidDisplace mixes a beep into what is heard; nobody listens to it here.
func (f *FreeSWITCH) uuidDisplace(_ *channel, rest string) string {
	if !strings.HasPrefix(rest, "start tone_stream://") && !strings.HasPrefix(rest, "stop tone_stream://") {
		return "-USAGE: <uuid> [start|stop] <path> [<limit>] [mux]\n"
	}
	return "+OK Success\n"
}
