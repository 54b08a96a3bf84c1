package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"c2d/test/pbx"
	"c2d/test/weather"
)

// stormSeed names the seed to the process that TestStoriesInAStorm starts.
const stormSeed = "C2D_STORM"

// TestStoriesInAStorm is the story with real phones over a network that loses 5 % of the packets, of SIP and of sound, takes
// 200 ms each way, and repeats and reorders: every call ends as it should, and is heard both ways.
func TestStoriesInAStorm(t *testing.T) {
	pbx.Need(t, "ip")
	if err := weather.Possible(); err != nil {
		t.Skip(err)
	}
	t.Parallel()
	pbx.Version(t, "baresip")
	seed := os.Getenv(stormSeed)
	if seed == "" {
		seed = strconv.FormatUint(rand.Uint64(), 10)
	}
	out, err := weather.Apart("TestInAStorm", []string{stormSeed + "=" + seed}, "-test.parallel=16", "-test.timeout=4m")
	if err != nil || strings.Count(out, "    --- PASS: ") != len(storms) {
		t.Fatalf("%s=%s: %v\n%s", stormSeed, seed, err, out)
	}
}

// storms are the stories.
var storms = []struct {
	name, over string
	end        func(*talking)
	reason, by string
}{
	{"the callee hangs up", "udp", func(s *talking) { s.mary.HangUp() }, "completed", "callee"},
	{"the caller hangs up", "udp", func(s *talking) { s.harry.HangUp() }, "completed", "caller"},
	{"the API hangs up", "udp", (*talking).cancel, "completed", "api"},
	{"the callee hangs up", "tcp", func(s *talking) { s.mary.HangUp() }, "completed", "callee"},
	{"the caller hangs up", "tcp", func(s *talking) { s.harry.HangUp() }, "completed", "caller"},
	{"the API hangs up", "tcp", (*talking).cancel, "completed", "api"},
}

func (s *talking) cancel() {
	if _, err := s.api.HangUp(s.t.Context(), s.call.ID); err != nil {
		s.t.Error(err)
	}
}

// TestInAStorm is the process that TestStoriesInAStorm starts.
func TestInAStorm(t *testing.T) {
	weather.Inside(t)
	seed, err := strconv.ParseUint(os.Getenv(stormSeed), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	report := weather.Storm(seed).Begin(t, "ipproto udp", "ipproto tcp dport 5060", "ipproto tcp sport 5060")
	t.Cleanup(func() { t.Log(report) })
	for _, c := range storms {
		t.Run(fmt.Sprintf("%s over %s", c.name, c.over), func(t *testing.T) {
			t.Parallel()
			h := open(t, onTCP)
			h.addBoth()
			h.over = map[string]string{"tcp": "tcp"}[c.over]
			s := &talking{house: h, harry: h.harry(false), mary: h.mary(false)}
			s.survive()
			c.end(s)
			side := c.by
			if side == "api" {
				side = ""
			}
			s.over(c.reason, side, c.by)
		})
	}
}

// survive lets Harry click, both answer, and each hear the other: two seconds of it, and nothing else, whatever is lost
// between.
func (s *talking) survive() {
	s.t.Helper()
	s.call = s.click()
	s.harry.Await("CALL_INCOMING", soon)
	s.harry.Accept()
	s.mary.Await("CALL_INCOMING", soon)
	s.mary.Accept()
	s.call = s.state(s.call, "connected")
	const enough = int(2 * time.Second / pbx.Window)
	pbx.Eventually(s.t, soon, "Harry hears Mary", func() bool { return pbx.Windows(s.harry.Heard(), maryTone)[maryTone] >= enough })
	pbx.Eventually(s.t, soon, "Mary hears Harry", func() bool { return pbx.Windows(s.mary.Heard(), harryTone)[harryTone] >= enough })
	if n := pbx.Windows(s.mary.Heard(), ringBack, maryTone); n[ringBack]+n[maryTone] > 0 {
		s.t.Errorf("Mary hears ring-back or herself: %v", n)
	}
}
