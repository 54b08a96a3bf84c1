package identity

import (
	"strings"

	"c2d/core/fault"
)

// Format is how a carrier or a PBX writes numbers.
type Format struct {
	Format string `yaml:"format"` // e164 (+8653283001000, the default), digits (8653283001000), national (053283001000, 00…)
	Prefix string `yaml:"prefix"` // stands before every number that is no extension
}

// Validate returns what is wrong with the format, a fault with the field below field.
func (f Format) Validate(field string) error {
	switch f.Format {
	case "", "e164", "digits", "national":
	default:
		return fault.Field(fault.CodeInvalid, field+".format", "must be e164, digits or national")
	}
	if strings.Trim(f.Prefix, "0123456789+*#") != "" {
		return fault.Field(fault.CodeInvalid, field+".prefix", "must be digits")
	}
	return nil
}

// Write returns a normalised number as it is wanted there. national writes an E.164 number as one dials it in our country: that
// needs numbering plans, which an adapter knows. What is no E.164 number (an extension, a short number) stays as it is.
func (f Format) Write(number string, national func(string) string) string {
	if !strings.HasPrefix(number, "+") {
		return number
	}
	switch f.Format {
	case "digits":
		number = number[1:]
	case "national":
		number = national(number)
	}
	return f.Prefix + number
}

// shortest is how many digits a number has at least that a carrier means as an international one.
const shortest = 8

// Read returns a number that came from there in a form that people here dial too: core reads it by the hospital's plan, as it
// reads all others, so that the book and the rules see one number. Digits that begin with 0 are no E.164 number.
func (f Format) Read(number string) string {
	number = strings.TrimPrefix(number, f.Prefix)
	if f.Format == "digits" && len(number) >= shortest && strings.Trim(number, "0123456789") == "" && number[0] != '0' {
		return "+" + number
	}
	return number
}
