package webhook

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSecretsAreNotPrinted(t *testing.T) {
	h := Hook{Secrets: []Secret{{Key: []byte("abcdef")}}}
	for _, text := range []string{fmt.Sprint(h), fmt.Sprintf("%v", h.Secrets[0])} {
		if strings.Contains(text, "abcdef") || strings.Contains(text, "97 98 99") {
			t.Errorf("printed: %s", text)
		}
	}
}

func TestAReplacedSecretSignsForItsTime(t *testing.T) {
	until := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	all := []Secret{{Key: []byte("new")}, {Key: []byte("old"), Until: until}}
	for at, n := range map[time.Time]int{until: 2, until.Add(time.Second): 1} {
		if got := len(strings.Fields(Sign(all, "id", at, []byte("{}")))); got != n {
			t.Errorf("%v: %d signatures, want %d", at, got, n)
		}
	}
}

func TestJobIDsAscend(t *testing.T) {
	last := ""
	for _, seq := range []int64{0, 1, 9, 15, 16, 255, 4096, 1 << 40} {
		id := jobID("h", seq)
		if id <= last || len(id) != len("h-0000000000000000") {
			t.Errorf("%d: %s after %s", seq, id, last)
		}
		last = id
	}
}

func TestRests(t *testing.T) {
	for failed, want := range map[int]time.Duration{0: 5 * time.Second, 5: 30 * time.Minute, 6: time.Hour, 99: time.Hour} {
		if d := rest(failed, 0); d < want || d > want+want/10 {
			t.Errorf("after %d failures: %v, want %v", failed, d, want)
		}
	}
	if d := rest(0, 10*time.Minute); d != 10*time.Minute {
		t.Errorf("the receiver asked for 10 min, got %v", d)
	}
}
