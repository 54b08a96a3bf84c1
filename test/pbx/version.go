package pbx

import (
	"os/exec"
	"regexp"
	"testing"
)

// Version returns what a program that is installed says of its version, as "baresip 1.0.0". Without the program the test
// is skipped.
func Version(t testing.TB, name string) string {
	t.Helper()
	asks := map[string]struct{ program, option, debian string }{
		"baresip":   {"baresip", "-h", "baresip-core"},
		"sipp":      {"sipp", "-v", "sip-tester"},
		"kamailio":  {kamailio, "-v", "kamailio"},
		"linphonec": {"linphonec", "--version", "linphone-cli"},
		"tshark":    {"tshark", "-v", "tshark"},
	}[name]
	find(t, asks.program, asks.debian)
	out, _ := exec.Command(asks.program, asks.option).CombinedOutput() // some end with an error after that
	v := regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+`).Find(out)
	if v == nil {
		t.Fatalf("%s %s says %q", asks.program, asks.option, out)
	}
	return name + " " + string(v)
}
