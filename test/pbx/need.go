package pbx

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Required is the environment variable that names, with commas, what must be there: "asterisk,sipp", or "all". A test that
// needs one of these and does not find it has failed; it is skipped otherwise.
const Required = "C2D_REQUIRE"

// program is one that tests start.
type program struct {
	file string // on PATH, or absolute; empty is looked for where it is started
	get  string // how to get it
}

const apt = "apt-get install --no-install-recommends "

// programs are all that tests ask for, by the name that Required has for them.
var programs = map[string]program{
	"asterisk":           {"", "version 20 or newer: test/install-asterisk, or make test, prepares one"},
	"asterisk-samples":   {"", "the sample files of Asterisk's package: install asterisk, or run test/install-asterisk"},
	"baresip":            {"baresip", apt + "baresip-core"},
	"freeswitch":         {"", "version 1.10, on PATH or named by C2D_FREESWITCH: from its makers' packages or source, since Debian has none"},
	"freeswitch-vanilla": {"", "the configuration that FreeSWITCH comes with: its makers' package freeswitch-conf-vanilla, or a build from source as it was installed"},
	"ip":                 {"ip", apt + "iproute2"},
	"kamailio":           {kamailio, apt + "kamailio"},
	"kamailio-tls":       {"", apt + "kamailio-tls-modules"},
	"linphonec":          {"linphonec", apt + "linphone-cli"},
	"postgresql":         {"", apt + "postgresql"},
	"sipp":               {"sipp", apt + "sip-tester"},
	"tshark":             {"tshark", apt + "tshark"},
}

// Need ends a test whose program is not installed.
func Need(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(programs[name].file); err != nil {
		missing(t, name)
	}
}

// missing ends a test that does not find a program: here alone it is decided whether that is a skip or a failure.
func missing(t testing.TB, name string) {
	t.Helper()
	if required(name) {
		t.Fatalf("%s is not there, and %s demands it: %s", name, Required, programs[name].get)
	}
	t.Skipf("%s is not there: %s", name, programs[name].get)
}

func required(name string) bool {
	all := demanded()
	return slices.Contains(all, name) || slices.Contains(all, "all")
}

// demanded are the names in Required.
func demanded() []string {
	return strings.FieldsFunc(os.Getenv(Required), func(r rune) bool { return r == ',' || r == ' ' })
}
