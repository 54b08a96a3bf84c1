package config

import (
	"errors"
	"io/fs"
	"os"
	"reflect"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"c2d/adapters/ari"
	"c2d/adapters/esl"
	"c2d/adapters/httpapi"
	"c2d/adapters/numbering"
	"c2d/adapters/sim"
	"c2d/adapters/sip"
	"c2d/adapters/webhook"
)

// DefaultFile is read when it is there and no other is named.
const DefaultFile = "c2d.yaml"

// Config is the whole file. Its zero sections are those of [Default].
type Config struct {
	Node     Node             `yaml:"node"`
	HTTP     httpapi.Config   `yaml:"http"`
	Store    Store            `yaml:"store"`
	Numbers  numbering.Config `yaml:"numbers"`
	Media    sip.Media        `yaml:"media"`
	SIP      sip.Config       `yaml:"sip"`
	Backends []Backend        `yaml:"backends"`
	Routes   []Route          `yaml:"routes"`
	Calls    Calls            `yaml:"calls"`
	Limits   Limits           `yaml:"limits"`
	Webhooks webhook.Config   `yaml:"webhooks"`
}

// Node names this process among all that share phone systems. What is empty is made at the first start and kept in
// the file c2d.node beside the database.
type Node struct {
	Installation string `yaml:"installation"` // 1 to 16 of [a-z0-9]
	Name         string `yaml:"name"`         // likewise
}

// Store says where everything is kept.
type Store struct {
	URL      string `yaml:"url"`       // "sqlite:c2d.db" or "postgres://user@host/db"
	KeepDays int    `yaml:"keep_days"` // how long events are kept
}

// Backend is one entry of backends: Kind says which of the others is set.
type Backend struct {
	Name       string
	Kind       string
	SIP        *sip.Entry
	Sim        *sim.Config
	Asterisk   *ari.Config
	FreeSWITCH *esl.Config
}

// Route sends the numbers that it matches to backends, in order.
type Route struct {
	Match    string   `yaml:"match"` // regular expression over the callee's normalised number
	Backends []string `yaml:"backends"`
}

// Calls are the limits of one call.
type Calls struct {
	Ring      int    `yaml:"ring_s"`    // how long a phone rings; 0 is 45
	Talk      int    `yaml:"talk_s"`    // how long two talk; 0 is 4 h
	Emergency bool   `yaml:"emergency"` // place emergency numbers by click
	Country   string `yaml:"country"`   // whose tones callers hear, ISO 3166: CN, US, GB, DE …; empty is CN
}

// Limits bound what one key, user, callee or backend may ask for. A rate of 0 is the default.
type Limits struct {
	Key      Rate                     `yaml:"key"`      // requests of one API key
	User     Rate                     `yaml:"user"`     // calls placed by one user
	Callee   Rate                     `yaml:"callee"`   // calls to one number
	Address  Rate                     `yaml:"address"`  // failed sign-ins from one address
	Ringing  int                      `yaml:"ringing"`  // calls that ring at once on one backend; 0 is no limit
	Backends map[string]BackendLimits `yaml:"backends"` // by name, for those that bear more or less than the others
	Streams  int                      `yaml:"streams"`  // open streams of one API key
	Body     int                      `yaml:"body_bytes"`
}

// BackendLimits bound the calls that use one backend, for the caller's phone or for the callee's.
type BackendLimits struct {
	Ringing   int     `yaml:"ringing"` // that ring at once; 0 is Limits.Ringing
	PerSecond float64 `yaml:"per_s"`   // that are sent there in a second; 0 is no limit
	Burst     int     `yaml:"burst"`   // that are sent there at once before PerSecond counts; 0 is 1
}

// RingingOn returns how many calls ring at once on a backend; 0 is no limit.
func (l Limits) RingingOn(backend string) int {
	if own := l.Backends[backend].Ringing; own != 0 {
		return own
	}
	return l.Ringing
}

// Rate is how often something may happen.
type Rate struct {
	PerSecond float64 `yaml:"per_s"`
	Burst     int     `yaml:"burst"`
}

// Default is what c2d does without a file: SQLite and a phone system on loopback.
func Default() Config {
	return Config{
		HTTP:  httpapi.Config{Listen: "127.0.0.1:8080"},
		Store: Store{URL: "sqlite:c2d.db", KeepDays: 30},
		Media: sip.Media{Address: "127.0.0.1", Ports: "30000-30999"},
		SIP:   sip.Config{Domain: "c2d.internal", Listen: []string{"udp:127.0.0.1:5060"}},
		Backends: []Backend{
			{Name: "house", Kind: "sip", SIP: &sip.Entry{Name: "house", Kind: "sip"}},
			{Name: "sandbox", Kind: "sim", Sim: &sim.Config{Name: "sandbox", Kind: "sim"}},
		},
		Limits: Limits{
			Key: Rate{PerSecond: 50, Burst: 200}, User: Rate{PerSecond: 1, Burst: 20},
			Callee: Rate{PerSecond: 1, Burst: 20}, Address: Rate{PerSecond: 0.2, Burst: 10},
		},
	}
}

// Load reads a file. An empty name reads [DefaultFile] if it is there, else returns [Default]. The error of a file that
// is wrong is a *[Problems].
func Load(file string, env func(string) (string, bool)) (Config, error) {
	name := file
	if name == "" {
		name = DefaultFile
	}
	text, err := os.ReadFile(name)
	if file == "" && errors.Is(err, fs.ErrNotExist) {
		c := Default()
		return c.complete(), nil
	}
	if err != nil {
		return Config{}, err
	}
	return Parse(name, text, env)
}

// Parse reads the text of a file; name is for errors, env looks up a variable.
func Parse(name string, text []byte, env func(string) (string, bool)) (Config, error) {
	c, d := Default(), &decoder{env: env, lines: map[string]int{}}
	found := &Problems{File: name}
	tree, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		found.All = []Problem{syntax(err)}
		return Config{}, found
	}
	if body := d.document(tree); body != nil {
		d.value(body, reflect.ValueOf(&c).Elem(), "")
	}
	c = c.complete()
	d.check(c)
	found.All = d.problems
	return c, found.err()
}

// document returns the one document of a file, nil if it says nothing.
func (d *decoder) document(f *ast.File) ast.Node {
	var body ast.Node
	for _, doc := range f.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			d.fail(doc.Body, "", "a second document; one file has one")
			break
		}
		body = doc.Body
	}
	return body
}

// complete hands each adapter's struct what other sections say.
func (c Config) complete() Config {
	c.SIP.Media, c.SIP.Country, c.SIP.Entries = c.Media, c.Calls.Country, nil
	for _, b := range c.Backends {
		if b.SIP != nil {
			c.SIP.Entries = append(c.SIP.Entries, *b.SIP)
		}
	}
	c.HTTP.Limits = httpapi.Limits{Body: int64(c.Limits.Body), Streams: c.Limits.Streams}
	return c
}
