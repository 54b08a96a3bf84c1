package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"c2d/adapters/ari"
	"c2d/adapters/esl"
	"c2d/adapters/sim"
	"c2d/adapters/sip"
	"c2d/core/fault"
)

// syntax is a file that is no YAML. Only the message and the line of the library's error are told: the rest quotes the file.
func syntax(err error) Problem {
	var e yaml.Error
	if !errors.As(err, &e) {
		return Problem{Text: "cannot be read as YAML"}
	}
	p := Problem{Text: "is not YAML: " + e.GetMessage()}
	if t := e.GetToken(); t != nil && t.Position != nil {
		p.Line = t.Position.Line
	}
	return p
}

// kinds make the struct of each kind of backend.
func kinds() map[string]func(*Backend) any {
	return map[string]func(*Backend) any{
		"sip":        func(b *Backend) any { b.SIP = &sip.Entry{}; return b.SIP },
		"sim":        func(b *Backend) any { b.Sim = &sim.Config{}; return b.Sim },
		"asterisk":   func(b *Backend) any { b.Asterisk = &ari.Config{}; return b.Asterisk },
		"freeswitch": func(b *Backend) any { b.FreeSWITCH = &esl.Config{}; return b.FreeSWITCH },
	}
}

// backend decodes an entry of backends into the struct of its kind.
func (d *decoder) backend(n ast.Node, b *Backend, path string) {
	entries, ok := pairs(n)
	if !ok {
		d.fail(n, path, "must have the keys name and kind")
		return
	}
	for _, e := range entries {
		switch e.Key.GetToken().Value {
		case "name":
			b.Name, _, _ = d.text(e.Value, path+".name")
		case "kind":
			b.Kind, _, _ = d.text(e.Value, path+".kind")
		}
	}
	build := kinds()[b.Kind]
	if build == nil {
		d.fail(first(n), path+".kind", "must be sip, asterisk, freeswitch or sim")
		return
	}
	before := len(d.problems)
	d.structure(n, reflect.ValueOf(build(b)).Elem(), path)
	d.problems = dedupe(d.problems, before)
}

// dedupe drops what was told of name and kind twice, once for choosing and once for decoding.
func dedupe(all []Problem, from int) []Problem {
	kept := all[:from:from]
	for _, p := range all[from:] {
		told := false
		for _, k := range all[:from] {
			told = told || k == p
		}
		if !told {
			kept = append(kept, p)
		}
	}
	return kept
}

// check asks each section's owner what is wrong with it.
func (d *decoder) check(c Config) {
	for _, err := range c.HTTP.Check() {
		d.report("http.", err)
	}
	for _, err := range c.Webhooks.Check() {
		d.report("webhooks.", err)
	}
	d.report("numbers.", c.Numbers.Validate())
	d.report("", d.placed(c, c.SIP.Validate()))
	for i, b := range c.Backends {
		field := fmt.Sprintf("backends[%d].", i)
		if b.Sim != nil {
			d.report(field, b.Sim.Validate())
		}
		if b.Asterisk != nil {
			d.report(field, b.Asterisk.Validate())
		}
		if b.FreeSWITCH != nil {
			d.report(field, b.FreeSWITCH.Validate())
		}
	}
	d.store(c.Store)
	d.node(c.Node)
	d.names(c.Backends)
	d.routes(c)
	d.limits(c)
}

// report adds every fault in err, which may be several joined, below a key path.
func (d *decoder) report(prefix string, err error) {
	var many interface{ Unwrap() []error }
	var f *fault.Error
	switch {
	case err == nil:
	case errors.As(err, &f) && !isJoined(err):
		d.at(prefix+f.Field, f.Message)
	case errors.As(err, &many):
		for _, e := range many.Unwrap() {
			d.report(prefix, e)
		}
	default:
		d.at(strings.TrimSuffix(prefix, "."), err.Error())
	}
}

func isJoined(err error) bool {
	_, ok := err.(interface{ Unwrap() []error })
	return ok
}

// at adds a problem of a path, unless the decoder has said something of that path already.
func (d *decoder) at(path, text string) {
	for _, p := range d.problems {
		if p.Path == path {
			return
		}
	}
	d.problems = append(d.problems, Problem{Line: d.line(path), Path: path, Text: text})
}

// placed puts the index of the file in the place of the adapter's own, which counts the entries of its kind alone.
// A name that is missing or there twice is told by names, for all kinds.
func (d *decoder) placed(c Config, err error) error {
	var all []error
	var many interface{ Unwrap() []error }
	if !errors.As(err, &many) {
		return err
	}
	for _, e := range many.Unwrap() {
		if inner, ok := e.(interface{ Unwrap() []error }); ok {
			all = append(all, d.placed(c, errors.Join(inner.Unwrap()...)))
			continue
		}
		var f *fault.Error
		if errors.As(e, &f) && strings.HasPrefix(f.Field, "backends[") {
			e = c.replaced(f)
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}

func (c Config) replaced(f *fault.Error) error {
	var index int
	var rest string
	if _, err := fmt.Sscanf(f.Field, "backends[%d]%s", &index, &rest); err != nil || rest == ".name" {
		return nil
	}
	for i, b := range c.Backends {
		if b.SIP == nil {
			continue
		}
		if index == 0 {
			return &fault.Error{Code: f.Code, Field: fmt.Sprintf("backends[%d]%s", i, rest), Message: f.Message}
		}
		index--
	}
	return f
}

func (d *decoder) store(s Store) {
	if !strings.HasPrefix(s.URL, "sqlite:") && !strings.HasPrefix(s.URL, "postgres://") && !strings.HasPrefix(s.URL, "postgresql://") {
		d.at("store.url", "must begin with sqlite: or postgres://")
	}
	if s.KeepDays < 1 {
		d.at("store.keep_days", "must be 1 or more")
	}
}

var originForm = regexp.MustCompile(`^[a-z0-9]{0,16}$`)

func (d *decoder) node(n Node) {
	if !originForm.MatchString(n.Installation) {
		d.at("node.installation", "must be 1 to 16 of a-z and 0-9")
	}
	if !originForm.MatchString(n.Name) {
		d.at("node.name", "must be 1 to 16 of a-z and 0-9")
	}
}

var backendForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (d *decoder) names(all []Backend) {
	if len(all) == 0 {
		d.at("backends", "at least one is needed")
	}
	seen, places := map[string]bool{}, map[string]string{}
	for i, b := range all {
		path := fmt.Sprintf("backends[%d].name", i)
		switch {
		case !backendForm.MatchString(b.Name):
			d.at(path, "must be 1 to 64 of a-z, 0-9, . _ -")
		case seen[b.Name]:
			d.at(path, "is the name of another backend too")
		}
		seen[b.Name] = true
		field, place, what := b.Place()
		if first, twice := places[place]; twice && place != "" {
			d.at(fmt.Sprintf("backends[%d].%s", i, field), fmt.Sprintf("is the %s of %s: one entry for each, with several dial rules", what, first))
		}
		places[place] = b.Name
	}
}

func (d *decoder) routes(c Config) {
	known := map[string]bool{}
	for _, b := range c.Backends {
		known[b.Name] = true
	}
	for i, r := range c.Routes {
		path := fmt.Sprintf("routes[%d]", i)
		if _, err := regexp.Compile(r.Match); err != nil || r.Match == "" {
			d.at(path+".match", `must be a regular expression, such as "^[0-9]{3,5}$"`)
		}
		if len(r.Backends) == 0 {
			d.at(path+".backends", "at least one is needed")
		}
		for j, name := range r.Backends {
			if !known[name] {
				d.at(fmt.Sprintf("%s.backends[%d]", path, j), "no backend has this name")
			}
		}
	}
}

var countryForm = regexp.MustCompile(`^([A-Z]{2})?$`)

func (d *decoder) limits(c Config) {
	d.positive("calls.ring_s", c.Calls.Ring)
	d.positive("calls.talk_s", c.Calls.Talk)
	d.positive("limits.ringing", c.Limits.Ringing)
	d.backendLimits(c)
	d.positive("limits.streams", c.Limits.Streams)
	d.positive("limits.body_bytes", c.Limits.Body)
	d.rate("limits.key", c.Limits.Key)
	d.rate("limits.user", c.Limits.User)
	d.rate("limits.callee", c.Limits.Callee)
	d.rate("limits.address", c.Limits.Address)
	if !countryForm.MatchString(c.Calls.Country) {
		d.at("calls.country", "must be two capital letters, such as CN")
	}
}

func (d *decoder) backendLimits(c Config) {
	for _, name := range slices.Sorted(maps.Keys(c.Limits.Backends)) {
		l, path := c.Limits.Backends[name], fmt.Sprintf("limits.backends[%q]", name)
		if !slices.ContainsFunc(c.Backends, func(b Backend) bool { return b.Name == name }) {
			d.at(path, "no backend has this name")
		}
		d.positive(path+".ringing", l.Ringing)
		d.positive(path+".burst", l.Burst)
		if l.PerSecond < 0 {
			d.at(path+".per_s", "must not be negative")
		}
		if l.PerSecond == 0 && l.Burst > 0 {
			d.at(path+".burst", "limits nothing without per_s")
		}
	}
}

func (d *decoder) positive(path string, n int) {
	if n < 0 {
		d.at(path, "must not be negative")
	}
}

func (d *decoder) rate(path string, r Rate) {
	if r.PerSecond <= 0 || r.Burst <= 0 {
		d.at(path, "per_s and burst must be greater than 0")
	}
}
