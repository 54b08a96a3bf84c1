package esl

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"c2d/core/fault"
	"c2d/core/identity"
)

func sound() Config {
	return Config{Name: "fs", Kind: "freeswitch", Address: "127.0.0.1:8021", Password: "secret"}
}

// fields are those that an error of Validate names.
func fields(err error) (all []string) {
	var many interface{ Unwrap() []error }
	if !errors.As(err, &many) {
		return nil
	}
	for _, one := range many.Unwrap() {
		var f *fault.Error
		if errors.As(one, &f) {
			all = append(all, f.Field)
		}
	}
	return all
}

// TestEveryErrorAtOnce: whoever writes a configuration corrects it once.
func TestEveryErrorAtOnce(t *testing.T) {
	c := Config{
		Listen: "8084", Recordings: "kept here", Out: identity.Format{Format: "loud"},
		Dial: []identity.Dial{{Match: "(", To: "user/{number}"}, {Match: ".*", To: "user/101"}, {Match: "", To: "user/{number}"}, {Match: ".*", To: "user/{number}"}},
	}
	want := []string{"name", "address", "password", "listen", "recordings", "out.format", "dial[0].match", "dial[1].to", "dial[2].match"}
	if got := fields(c.Validate()); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if err := sound().Validate(); err != nil {
		t.Error(err)
	}
}

// TestValidate is one wrong thing each, and what an admin is told of it.
func TestValidate(t *testing.T) {
	to := func(text string) func(*Config) {
		return func(c *Config) { c.Dial = []identity.Dial{{Match: ".*", To: text}} }
	}
	at := func(text string) func(*Config) { return func(c *Config) { c.Address = text } }
	listen := func(text string) func(*Config) { return func(c *Config) { c.Listen = text } }
	password := func(text string) func(*Config) { return func(c *Config) { c.Password = text } }
	folder := func(text string) func(*Config) { return func(c *Config) { c.Recordings = text } }
	every := func(dial ...identity.Dial) func(*Config) {
		return func(c *Config) { c.EveryPhone, c.Dial = true, dial }
	}
	const (
		form    = `must be host:port, such as "127.0.0.1:8021"`
		plain   = "is not on this machine, and the event socket is plain text: use a tunnel, or say insecure: true"
		noSpace = "is missing, or has a space or a control character in it"
		one     = `must be such as "user/{number}" or "sofia/gateway/hospital/{number}"; one phone, no options`
		path    = "must be an absolute path of letters, digits and . _ - only"
	)
	for name, c := range map[string]struct {
		set         func(*Config)
		field, text string // empty is well
	}{
		"IPv6":                         {at("[::1]:8021"), "", ""},
		"its own name for itself":      {at("localhost:8021"), "", ""},
		"another of loopback":          {at("127.9.0.1:8021"), "", ""},
		"no port":                      {at("127.0.0.1"), "address", form},
		"port 0":                       {at("127.0.0.1:0"), "address", form},
		"a port that is too high":      {at("127.0.0.1:65536"), "address", form},
		"a port by name":               {at("127.0.0.1:http"), "address", form},
		"no host":                      {at(":8021"), "address", form},
		"a URL":                        {at("http://127.0.0.1:8021"), "address", form},
		"elsewhere":                    {at("10.1.2.3:8021"), "address", plain},
		"elsewhere, by name":           {at("pbx.hospital.example:8021"), "address", plain},
		"called like loopback":         {at("localhost.hospital.example:8021"), "address", plain},
		"every address":                {at("0.0.0.0:8021"), "address", plain},
		"elsewhere, as wanted":         {func(c *Config) { c.Address, c.Insecure = "10.1.2.3:8021", true }, "", ""},
		"no password":                  {password(""), "password", noSpace},
		"a password with a space":      {password("a b"), "password", noSpace},
		"a password of two lines":      {password("a\n\nexit"), "password", noSpace},
		"a door":                       {listen("127.0.0.1:8084"), "", ""},
		"a door for everybody":         {listen("0.0.0.0:8084"), "listen", plain},
		"a door without a port":        {listen("127.0.0.1"), "listen", form},
		"every phone":                  {every(), "", ""},
		"every phone of no extension":  {every(identity.Dial{Match: ".*", To: "sofia/gateway/hospital/{number}"}), "every_phone", "no rule of dial leads to one"},
		"every phone, and a trunk":     {every(identity.Dial{Match: "^1", To: "user/{number}"}, identity.Dial{Match: ".*", To: "sofia/gateway/hospital/{number}"}), "", ""},
		"a folder":                     {folder("/var/lib/c2d/kept"), "", ""},
		"a folder below another":       {folder("kept"), "recordings", path},
		"a folder with a space":        {folder("/var/lib/kept here"), "recordings", path},
		"a folder with a variable":     {folder("/var/${x}"), "recordings", path},
		"a prefix of letters":          {func(c *Config) { c.Out.Prefix = "x" }, "out.prefix", "must be digits"},
		"a phone":                      {to("user/{number}"), "", ""},
		"a gateway":                    {to("sofia/gateway/hospital/{number}"), "", ""},
		"a gateway with a prefix":      {to("sofia/gateway/hospital/9{number}"), "", ""},
		"a domain":                     {to("sofia/internal/{number}%hospital.example"), "", ""},
		"an address":                   {to("sofia/internal/{uri};transport=tcp"), "", ""},
		"two phones":                   {to("user/{number},user/101"), "dial[0].to", one},
		"one after the other":          {to("user/{number}|user/101"), "dial[0].to", one},
		"two calls":                    {to("user/{number}:_:user/101"), "dial[0].to", one},
		"variables":                    {to("{x=y}user/{number}"), "dial[0].to", one},
		"a variable of its own":        {to("[x=y]user/{number}"), "dial[0].to", one},
		"a variable in it":             {to("user/${x}{number}"), "dial[0].to", one},
		"a header":                     {to("sofia/internal/{uri}?X-Evil=1"), "dial[0].to", one},
		"an application":               {to("user/{number} &system(x)"), "dial[0].to", one},
		"an end of line":               {to("user/{number}\n"), "dial[0].to", one},
		"no technology":                {to("{number}"), "dial[0].to", one},
		"a call that dials itself":     {to("loopback/{number}/default"), "dial[0].to", "loopback/ makes two channels that FreeSWITCH exchanges by itself: name the phone or the gateway"},
		"a number for every one of us": {to("user/101"), "dial[0].to", "must have {number} or {uri} in it, else every number rings one phone"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := sound()
			c.set(&cfg)
			err := cfg.Validate()
			if got := strings.Join(fields(err), " "); got != c.field || (err == nil) != (c.field == "") {
				t.Fatalf("%q, %v; want %q", got, err, c.field)
			}
			if err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%q, want %q", err, c.text)
			}
			if err != nil && cfg.Password != "" && strings.Contains(err.Error(), cfg.Password) {
				t.Error("the password is told:", err)
			}
		})
	}
}
