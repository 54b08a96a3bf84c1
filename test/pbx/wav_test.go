package pbx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHears(t *testing.T) {
	both := append(sound(440, time.Second), sound(880, time.Second)...)
	cases := []struct {
		name   string
		pcm    []int16
		last   time.Duration
		hz     float64
		others []float64
		want   bool
	}{
		{"the right tone", both, time.Second, 880, []float64{440}, true},
		{"the wrong tone", both, time.Second, 440, nil, false},
		{"the other tone too", both, 2 * time.Second, 880, []float64{440}, false},
		{"too short", both, 3 * time.Second, 880, nil, false},
		{"a pause in it", append(append(sound(880, time.Second), make([]int16, 4000)...), sound(880, time.Second)...), 2 * time.Second, 880, nil, false},
		{"nothing", nil, time.Second, 880, nil, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Hears(c.pcm, c.last, c.hz, c.others...); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestReadWAV(t *testing.T) {
	want := sound(440, 100*time.Millisecond)
	whole := []byte(writeWAV(want))
	stereo := append([]byte(nil), whole...)
	stereo[22] = 2
	cases := []struct {
		name string
		b    []byte
		n    int
		ok   bool
	}{{"whole", whole, len(want), true}, {"no header yet", append(make([]byte, wavHeader), whole[wavHeader:]...), len(want), true}, {"just begun", whole[:20], 0, true}, {"odd end", whole[:len(whole)-1], len(want) - 1, true}, {"stereo", stereo, 0, false}, {"no wav", []byte(strings.Repeat("x", 100)), 0, false}}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.wav")
			if err := os.WriteFile(path, c.b, 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadWAV(path)
			if (err == nil) != c.ok || len(got) != c.n {
				t.Fatalf("%d samples, %v", len(got), err)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("sample %d is %d, want %d", i, got[i], want[i])
				}
			}
		})
	}
}
