package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func env(name string) (string, bool) {
	v, ok := map[string]string{"DB_PASSWORD": "s3cret", "EMPTY": "", "PORT": "5070", "TRICK": "${DB_PASSWORD}"}[name]
	return v, ok
}

func parseFile(t *testing.T, name string) (Config, error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return Parse(name, text, env)
}

func TestWholeFile(t *testing.T) {
	c, err := parseFile(t, "whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Store != (Store{URL: "postgres://c2d:s3cret@127.0.0.1/c2d", KeepDays: 90}) {
		t.Errorf("store is %+v", c.Store)
	}
	if c.SIP.Domain != "hospital.example" || !c.SIP.Relay || c.SIP.Limits.Burst != 40 || c.SIP.Country != "GB" || c.SIP.Media != c.Media {
		t.Errorf("sip is %+v", c.SIP)
	}
	if len(c.SIP.Entries) != 1 || c.SIP.Entries[0].Name != "house" || c.Backends[1].Sim.Speed != 10 || c.Backends[1].Sim.Numbers["77"] != "busy" {
		t.Errorf("backends are %+v", c.Backends)
	}
	if c.Limits.User != (Rate{PerSecond: 5, Burst: Default().Limits.User.Burst}) || c.Limits.Key != Default().Limits.Key {
		t.Errorf("limits are %+v", c.Limits)
	}
	if c.Limits.Backends["sandbox"] != (BackendLimits{Ringing: 7, PerSecond: 2.5, Burst: 5}) || c.Limits.RingingOn("sandbox") != 7 || c.Limits.RingingOn("house") != 100 {
		t.Errorf("limits of backends are %+v", c.Limits)
	}
	if len(c.Routes) != 2 || c.Routes[1].Backends[1] != "sandbox" || c.Calls.Ring != 30 || c.Numbers.Emergency[2] != "120" {
		t.Errorf("the rest is %+v", c)
	}
}

// TestAllErrorsAtOnce reads files with many mistakes; what is told of them is a golden file.
func TestAllErrorsAtOnce(t *testing.T) {
	for _, file := range []string{"broken", "trunks"} {
		t.Run(file, func(t *testing.T) {
			_, err := parseFile(t, file+".yaml")
			var p *Problems
			if !errors.As(err, &p) {
				t.Fatal(err)
			}
			for _, secret := range []string{"s3cret", "hunter2"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the errors tell the secret %s", secret)
				}
			}
			golden(t, file, err.Error()+"\n")
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no YAML":           {"sip: [\n", "c2d.yaml:1: is not YAML: sequence end token ']' not found"},
		"a list":            {"- 1\n", "c2d.yaml:1: must have keys below it"},
		"two documents":     {"sip: {relay: true}\n---\nsip: {}\n", "c2d.yaml:3: a second document; one file has one"},
		"variable missing":  {"sip: {domain: \"${NOBODY}\"}\n", "c2d.yaml:1: sip.domain: the environment has no NOBODY"},
		"variable unclosed": {"sip: {domain: \"${DB\"}\n", "c2d.yaml:1: sip.domain: ${ has no } after it"},
		"variable unnamed":  {"sip: {domain: \"${}\"}\n", "c2d.yaml:1: sip.domain: ${…} holds no name of an environment variable"},
		"variable in a key": {"\"${DB_PASSWORD}\": 1\n", "unknown key"},
		"number for text":   {"numbers: {country: 86}\n", "c2d.yaml:1: numbers.country: must be text: write it in quotes"},
		"text for number":   {"calls: {ring_s: long}\n", "c2d.yaml:1: calls.ring_s: must be a whole number"},
		"mapping for text":  {"sip: {domain: {a: b}}\n", "c2d.yaml:1: sip.domain: must be a single value"},
		"text for list":     {"sip: {listen: x}\n", "c2d.yaml:1: sip.listen: must be a list"},
		"alias":             {"http: {listen: &a \"127.0.0.1:1\"}\n", "c2d.yaml:1: http.listen: anchors, aliases and tags are not read: write the value out"},
		"case of a key":     {"SIP: {}\n", "c2d.yaml:1: SIP: unknown key"},
		"no backend":        {"backends: []\n", "c2d.yaml:1: backends: at least one is needed"},
		"one Asterisk twice": {"backends:\n  - {name: a, kind: asterisk, url: \"http://127.0.0.1:8088/ari\", username: c, password: p}\n" +
			"  - {name: b, kind: asterisk, url: \"http://localhost:8088/ari/\", username: c, password: p}\n", "c2d.yaml:3: backends[1].url: is the Asterisk of a"},
		"one FreeSWITCH twice": {"backends:\n  - {name: a, kind: freeswitch, address: \"127.0.0.1:8021\", password: p}\n" +
			"  - {name: b, kind: freeswitch, address: \"localhost:8021\", password: p}\n", "c2d.yaml:3: backends[1].address: is the FreeSWITCH of a"},
		"two dialled as one":    {"backends: [{name: a, kind: freeswitch, address: \"127.0.0.1:8021\", password: p, dial: [{match: \".*\", to: \"user/{number},user/102\"}]}]\n", "c2d.yaml:1: backends[0].dial[0].to: must be such as"},
		"a key of Asterisk's":   {"backends: [{name: a, kind: freeswitch, address: \"127.0.0.1:8021\", password: p, url: \"http://127.0.0.1\"}]\n", "c2d.yaml:1: backends[0].url: unknown key; known here are address, dial, every_phone, insecure, kind, listen, name, out, password"},
		"a burst of nothing":    {"limits: {backends: {house: {burst: 10}}}\n", `c2d.yaml:1: limits.backends["house"].burst: limits nothing without per_s`},
		"present for the house": {"backends: [{name: house, kind: sip, present: {names: true}}]\n", "c2d.yaml:1: backends[0].proxy: is needed for a trunk"},
		"backend of no key":     {"backends: [house]\n", "c2d.yaml:1: backends[0]: must have the keys name and kind"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("c2d.yaml", []byte(c.text), env)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	for in, want := range map[string]string{
		"${PORT}": "5070", "a${EMPTY}b": "ab", "${PORT}${PORT}": "50705070", "$PORT $${PORT}": "$PORT $5070",
		"^[0-9]{3,5}$": "^[0-9]{3,5}$", "${TRICK}": "${DB_PASSWORD}",
	} {
		if got, errs := expand(in, env); got != want || len(errs) > 0 {
			t.Errorf("%q is %q, %v; want %q", in, got, errs, want)
		}
	}
}

func TestVariableForANumber(t *testing.T) {
	c, err := Parse("c2d.yaml", []byte(`calls: {ring_s: "${PORT}"}`), env)
	if err != nil || c.Calls.Ring != 5070 {
		t.Errorf("ring_s is %d, %v", c.Calls.Ring, err)
	}
}

func TestWithoutFile(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load("", env)
	if err != nil {
		t.Fatal(err)
	}
	if c.HTTP.Listen != "127.0.0.1:8080" || len(c.Backends) != 2 || len(c.SIP.Entries) != 1 || c.SIP.Validate() != nil {
		t.Errorf("the default is %+v", c)
	}
	if _, err := Load("c2d.yaml", env); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that was named and is not there: %v", err)
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "http:\n"} {
		if _, err := Parse("c2d.yaml", []byte(text), env); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"whole.yaml", "broken.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := Parse("c2d.yaml", []byte(text), env)
		var p *Problems
		if err != nil && !errors.As(err, &p) {
			t.Errorf("an error of another kind: %v", err)
		}
	})
}
