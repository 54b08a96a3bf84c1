package pbx

import (
	"os/exec"
	"regexp"
	"testing"
)

// Version returns what a program that is installed says of its version, as "baresip 1.0.0". Without the program the test
// ends as Need says.
func Version(t testing.TB, name string) string {
	t.Helper()
	Need(t, name)
	file, option := programs[name].file, map[string]string{"baresip": "-h", "linphonec": "--version"}[name]
	if option == "" {
		option = "-v"
	}
	out, _ := exec.Command(file, option).CombinedOutput() // some end with an error after that
	v := regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+`).Find(out)
	if v == nil {
		t.Fatalf("%s %s says %q", file, option, out)
	}
	return name + " " + string(v)
}
