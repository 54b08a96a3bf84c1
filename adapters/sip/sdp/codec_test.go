package sdp

import (
	"slices"
	"testing"
)

func TestCommon(t *testing.T) {
	pcma, pcmu := Codec{PT: 8, Name: "PCMA", Rate: 8000}, Codec{PT: 0, Name: "pcmu", Rate: 8000, Channels: 1}
	keys := Codec{PT: 96, Name: "telephone-event", Rate: 8000, Fmtp: "0-15"}
	wide := Codec{PT: 97, Name: "telephone-event", Rate: 48000}
	stereo := Codec{PT: 98, Name: "PCMA", Rate: 8000, Channels: 2}
	noise := Codec{PT: 13, Name: "CN", Rate: 8000}
	ours := DefaultCodecs()
	withKeys := keys
	withKeys.Fmtp = "0-16"
	for name, c := range map[string]struct{ offered, supported, want []Codec }{
		"the offerer's order and types, our parameters": {[]Codec{pcmu, wide, keys, pcma}, ours, []Codec{pcmu, withKeys, pcma}},
		"channels differ":         {[]Codec{stereo}, ours, nil},
		"key presses alone":       {[]Codec{keys}, ours, nil},
		"noise and keys alone":    {[]Codec{keys, noise}, append(ours, noise), nil},
		"nothing offered":         {nil, ours, nil},
		"nothing on the one side": {ours, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Common(c.offered, c.supported); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestDirectionAnswer(t *testing.T) {
	for _, c := range []struct{ offer, want, answer Direction }{
		{SendRecv, SendRecv, SendRecv}, {"", "", SendRecv},
		{SendOnly, SendRecv, RecvOnly}, {RecvOnly, SendRecv, SendOnly}, {Inactive, SendRecv, Inactive},
		{SendRecv, SendOnly, SendOnly}, {SendOnly, SendOnly, Inactive}, {RecvOnly, RecvOnly, Inactive},
		{SendRecv, Inactive, Inactive}, {SendOnly, RecvOnly, RecvOnly},
	} {
		if got := c.offer.Answer(c.want); got != c.answer {
			t.Errorf("offer %q, want %q: answer %q, should be %q", c.offer, c.want, got, c.answer)
		}
	}
}

func TestSame(t *testing.T) {
	a := *parsed(t, "baresip").Audio
	b := *parsed(t, "baresip").Audio
	if !a.Same(b) {
		t.Error("a line is not the same as itself")
	}
	b.Codecs[2].Fmtp = "0-16"
	if !a.Same(b) {
		t.Error("format parameters count")
	}
	for name, change := range map[string]func(*Media){
		"port":      func(m *Media) { m.Port++ },
		"direction": func(m *Media) { m.Direction = SendOnly },
		"order":     func(m *Media) { slices.Reverse(m.Codecs) },
		"fewer":     func(m *Media) { m.Codecs = m.Codecs[:1] },
	} {
		c := *parsed(t, "baresip").Audio
		if change(&c); a.Same(c) {
			t.Errorf("another %s is the same", name)
		}
	}
}
