package app

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"c2d/adapters/httpapi"
	"c2d/cmd/c2d/config"
	"c2d/core/fault"
)

// differ tells of sections that are followed.
func differ(now, was config.Config) (all []string) {
	for _, s := range []struct {
		name     string
		now, was any
	}{{"routes", now.Routes, was.Routes}, {"limits", now.Limits, was.Limits}, {"calls", now.Calls, was.Calls}} {
		if !reflect.DeepEqual(s.now, s.was) {
			all = append(all, s.name)
		}
	}
	return all
}

// fixed returns the fields that differ and that only a restart can change.
func fixed(now, was config.Config) []string {
	all := different("", reflect.ValueOf(bare(now)), reflect.ValueOf(bare(was)))
	if now.Calls.Country != was.Calls.Country {
		all = append(all, "calls.country")
	}
	if now.Limits.Streams != was.Limits.Streams {
		all = append(all, "limits.streams")
	}
	if now.Limits.Body != was.Limits.Body {
		all = append(all, "limits.body_bytes")
	}
	return all
}

// bare is a configuration without what can be followed, and without what sections are told of others.
func bare(c config.Config) config.Config {
	c.Backends, c.Routes, c.Calls, c.Limits = nil, nil, config.Calls{}, config.Limits{}
	c.HTTP.Limits = httpapi.Limits{}
	return c
}

// different returns the keys, as the file has them, of what is not equal.
func different(path string, now, was reflect.Value) (all []string) {
	if now.Kind() != reflect.Struct {
		if reflect.DeepEqual(now.Interface(), was.Interface()) {
			return nil
		}
		return []string{path}
	}
	for i := range now.NumField() {
		key, _, _ := strings.Cut(now.Type().Field(i).Tag.Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		all = append(all, different(strings.TrimPrefix(path+"."+key, "."), now.Field(i), was.Field(i))...)
	}
	return all
}

// needRestart is the error of a configuration that cannot be followed; the first of the fields is its own.
func needRestart(fields []string) error {
	return fault.Field(fault.CodeConflict, fields[0], "needs a restart, and nothing has changed: %s", strings.Join(fields, ", "))
}

// fieldOf names a field of an entry of the new configuration.
func fieldOf(cfg config.Config, name, key string) string {
	i := slices.IndexFunc(cfg.Backends, func(b config.Backend) bool { return b.Name == name })
	return fmt.Sprintf("backends[%d].%s", i, key)
}
