package ari

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"c2d/core/fault"
	"c2d/core/identity"
)

func sound() Config {
	return Config{Name: "pbx", Kind: "asterisk", URL: "http://127.0.0.1:8088/ari", Username: "c2d", Password: "secret"}
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
		App: "c2d app", CA: filepath.Join(t.TempDir(), "absent.pem"), Out: identity.Format{Format: "loud"},
		Dial: []identity.Dial{{Match: "(", To: "PJSIP/{number}"}, {Match: ".*", To: "PJSIP/101"}, {Match: "", To: "Local/{number}@from-internal"}, {Match: ".*", To: "PJSIP/{number}"}},
	}
	want := []string{"name", "url", "ca", "username", "password", "app", "out.format", "dial[0].match", "dial[1].to", "dial[2].match"}
	if got := fields(c.Validate()); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if err := sound().Validate(); err != nil {
		t.Error(err)
	}
}

// TestValidate is one wrong thing each.
func TestValidate(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	to := func(text string) func(*Config) {
		return func(c *Config) { c.Dial = []identity.Dial{{Match: ".*", To: text}} }
	}
	url := func(text string) func(*Config) { return func(c *Config) { c.URL = text } }
	far := url("http://10.1.2.3:8088/ari")
	ca := signer(t, server(t, httptest.NewTLSServer))
	for name, c := range map[string]struct {
		set  func(*Config)
		want string // the field; empty is well
	}{
		"TLS":                        {url("https://pbx.hospital.example:8089/ari"), ""},
		"an address of IPv6":         {url("http://[::1]:8088/ari"), ""},
		"no scheme":                  {url("127.0.0.1:8088/ari"), "url"},
		"a websocket":                {url("ws://127.0.0.1:8088/ari"), "url"},
		"no host":                    {url("http:///ari"), "url"},
		"a password in it":           {url("http://c2d:secret@127.0.0.1:8088/ari"), "url"},
		"a query":                    {url("http://127.0.0.1:8088/ari?api_key=c2d:secret"), "url"},
		"control characters":         {url("http://127.0.0.1:8088/\r\nari"), "url"},
		"a port and no host":         {url("http://:8088/ari"), "url"},
		"its own name for itself":    {url("http://localhost:8088/ari"), ""},
		"another of loopback":        {url("http://127.9.0.1:8088/ari"), ""},
		"in the clear":               {far, "url"},
		"in the clear, by name":      {url("http://pbx.hospital.example:8088/ari"), "url"},
		"called like loopback":       {url("http://localhost.hospital.example:8088/ari"), "url"},
		"in the clear, as wanted":    {func(c *Config) { far(c); c.Insecure = true }, ""},
		"TLS, signed by a known one": {func(c *Config) { c.URL, c.CA = "https://10.1.2.3:8089/ari", ca }, ""},
		"no TLS, yet signed":         {func(c *Config) { c.CA = ca }, "ca"},
		"a name of two applications": {func(c *Config) { c.App = "c2d,other" }, "app"},
		"a name with an end of line": {func(c *Config) { c.App = "c2d\n" }, "app"},
		"a name that is too long":    {func(c *Config) { c.App = strings.Repeat("x", 41) }, "app"},
		"its own name":               {func(c *Config) { c.App = "click_2-dial" }, ""},
		"no certificate":             {func(c *Config) { c.CA = notPEM }, "ca"},
		"a prefix of letters":        {func(c *Config) { c.Out.Prefix = "x" }, "out.prefix"},
		"direct":                     {to("PJSIP/{number}"), ""},
		"a trunk":                    {to("PJSIP/{number}@trunk"), ""},
		"an address":                 {to("PJSIP/phones/{uri}"), ""},
		"an address with transport":  {to("PJSIP/phones/{uri};transport=tcp"), ""},
		"through the dialplan":       {to("Local/{number}@from-internal/n"), ""},
		"nobody's number":            {to("PJSIP/101"), "dial[0].to"},
		"two phones":                 {to("PJSIP/{number}&PJSIP/101"), "dial[0].to"},
		"options":                    {to("PJSIP/{number},30,g"), "dial[0].to"},
		"a variable":                 {to("PJSIP/${X}{number}"), "dial[0].to"},
		"another word in braces":     {to("PJSIP/{number}@{trunk}"), "dial[0].to"},
		"no technology":              {to("{number}"), "dial[0].to"},
		"an end of line":             {to("PJSIP/{number}\n"), "dial[0].to"},
		"optimised away":             {to("Local/{number}@from-internal"), "dial[0].to"},
		"no context":                 {to("Local/{number}/n"), "dial[0].to"},
		"local, not Local":           {to("local/{number}@from-internal/n"), "dial[0].to"},
		"LOCAL, optimised away":      {to("LOCAL/{number}@from-internal"), "dial[0].to"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := sound()
			c.set(&cfg)
			err := cfg.Validate()
			if got := strings.Join(fields(err), " "); got != c.want || (err == nil) != (c.want == "") {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), cfg.Password) {
				t.Error("the password is told:", err)
			}
		})
	}
}
