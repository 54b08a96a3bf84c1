package sip

import (
	"errors"
	"testing"

	"github.com/goccy/go-yaml"

	"c2d/adapters/sip/trunk"
	"c2d/core/fault"
	"c2d/core/identity"
)

func good() Config {
	return Config{
		Domain: "hospital.example", Listen: []string{"udp:127.0.0.1:5060"},
		Media: Media{Address: "127.0.0.1", Ports: "30000-30999"}, Entries: []Entry{{Name: "house", Kind: "sip"}},
	}
}

func TestConfigIsValid(t *testing.T) {
	if err := good().Validate(); err != nil {
		t.Error(err)
	}
}

func TestConfigSaysAllThatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		fields []string
	}{
		"empty":      {func(c *Config) { *c = Config{} }, []string{"sip.domain", "sip.listen", "media.address", "media.ports"}},
		"domain":     {func(c *Config) { c.Domain = "a b\r\n" }, []string{"sip.domain"}},
		"advertise":  {func(c *Config) { c.Advertise = "x:5060" }, []string{"sip.advertise"}},
		"listen":     {func(c *Config) { c.Listen = []string{"udp:127.0.0.1:1", "127.0.0.1:1", "udp:localhost"} }, []string{"sip.listen[1]", "sip.listen[2]"}},
		"unreadable": {func(c *Config) { c.Media = Media{Address: "0.0.0.0", Ports: "5-4"} }, []string{"media.address", "media.ports"}},
		"entries":    {func(c *Config) { c.Entries = []Entry{{}, {Name: "a"}, {Name: "a"}} }, []string{"backends[0].name", "backends[2].name"}},
		"flows":      {func(c *Config) { c.Entries = []Entry{{Name: "a", Flow: "III"}, {Name: "b", Flow: "I"}} }, []string{"backends[1].flow"}},
		"transport":  {func(c *Config) { c.Listen = []string{"ws:127.0.0.1:1", "tls:127.0.0.1:1"} }, []string{"sip.listen[0]", "sip.tls"}},
		"tls files":  {func(c *Config) { c.TLS = &TLS{Cert: "nowhere.pem", Key: "nowhere.pem"} }, []string{"sip.tls"}},
		"trunk": {func(c *Config) {
			c.Entries = []Entry{{Name: "a", Proxy: "sip:x:5060;transport=tcp"}, {Name: "b", Proxy: "http://x"}, {Name: "c", User: "me"},
				{Name: "d", Proxy: "sip:x", Register: true, Expires: -1, Out: identity.Format{Format: "odd"}, Present: trunk.Present{Numbers: []string{"("}, Default: "me"},
					Trust: []trunk.Trust{{CIDR: "x", Accept: []string{"all"}}}}}
		}, []string{"backends[0].proxy", "backends[1].proxy", "backends[2].proxy", "backends[3].user", "backends[3].expires", "backends[3].out.format",
			"backends[3].present.numbers[0]", "backends[3].present.default", "backends[3].trust[0].cidr", "backends[3].trust[0].accept[0]"}},
		"nat": {func(c *Config) {
			c.Media.Advertise = "::1"
			c.Entries = []Entry{{Name: "a", Proxy: "sip:x", Advertise: "nat.example"}, {Name: "b", Advertise: "192.0.2.1"}}
		}, []string{"media.advertise", "backends[0].advertise", "backends[1].proxy"}},
		"trust": {func(c *Config) {
			c.Entries = []Entry{{Name: "a", Proxy: "sip:x", OnSilence: "wait", Trust: []trunk.Trust{{}, {Certificate: "*.x"}, {Certificate: "sbc.x"}}}, {Name: "b", OnSilence: "next"}}
		}, []string{"backends[0].on_silence", "backends[0].trust[0]", "backends[0].trust[1].certificate", "backends[0].trust[1].certificate",
			"backends[0].trust[2].certificate", "backends[1].proxy"}},
		"limits":             {func(c *Config) { c.Limits.Rate = -1 }, []string{"sip.limits"}},
		"limit of strangers": {func(c *Config) { c.Limits.Strangers = -1 }, []string{"sip.limits"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			c.change(&cfg)
			got := fields(cfg.Validate())
			if len(got) != len(c.fields) {
				t.Fatalf("fields %q, want %q", got, c.fields)
			}
			for i := range got {
				if got[i] != c.fields[i] {
					t.Errorf("fields %q, want %q", got, c.fields)
				}
			}
			if _, err := New(cfg, Deps{}); err == nil {
				t.Error("New takes it")
			}
		})
	}
}

// fields returns the fields of joined faults, in order.
func fields(err error) []string {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, e := range many.Unwrap() {
			all = append(all, fields(e)...)
		}
		return all
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return []string{f.Field}
	}
	return nil
}

func TestConfigIsStrict(t *testing.T) {
	var c Config
	if err := yaml.UnmarshalWithOptions([]byte("domain: a\nlisten: [udp:127.0.0.1:1]\nrelay: true\nlimits: {rate: 5}\n"), &c, yaml.Strict()); err != nil || !c.Relay || c.Limits.Rate != 5 {
		t.Errorf("%+v, %v", c, err)
	}
	if err := yaml.UnmarshalWithOptions([]byte("domian: a\n"), &c, yaml.Strict()); err == nil {
		t.Error("an unknown key is taken")
	}
}
