package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"c2d/core/fault"
)

// Config is one entry of the configuration file's backends, of kind sim. It is decoded strictly.
type Config struct {
	Name    string            `yaml:"name"`
	Kind    string            `yaml:"kind"`
	Speed   float64           `yaml:"speed"`   // how much faster than life; 0 is 1
	Numbers map[string]string `yaml:"numbers"` // a behaviour's name by the ending of a number; the longest ending wins
	Restart string            `yaml:"restart"` // "lost" (or empty), or "keep"

	// Scripts are behaviours of a test's own, by the whole address. They come before Numbers.
	Scripts map[string]Behaviour `yaml:"-"`
}

// Validate returns every error of the entry, joined; each is a fault with its field, seen from the entry.
func (c Config) Validate() error {
	var errs []error
	if c.Name == "" {
		errs = append(errs, fault.Field(fault.CodeInvalid, "name", "is missing"))
	}
	if c.Speed < 0 {
		errs = append(errs, fault.Field(fault.CodeInvalid, "speed", "must not be negative"))
	}
	if !slices.Contains([]string{"", lostAtRestart, keptAtRestart}, c.Restart) {
		errs = append(errs, fault.Field(fault.CodeInvalid, "restart", `must be "lost" or "keep"`))
	}
	for _, ending := range slices.Sorted(maps.Keys(c.Numbers)) {
		errs = append(errs, c.validateNumber(ending))
	}
	return errors.Join(errs...)
}

func (c Config) validateNumber(ending string) error {
	field := fmt.Sprintf("numbers[%q]", ending)
	if ending == "" {
		return fault.Field(fault.CodeInvalid, field, "must not be empty")
	}
	if _, ok := named(c.Numbers[ending]); !ok {
		return fault.Field(fault.CodeInvalid, field, "must be one of %s", strings.Join(names(), ", "))
	}
	return nil
}

const (
	lostAtRestart = "lost"
	keptAtRestart = "keep"
)
