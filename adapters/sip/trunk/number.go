package trunk

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"c2d/core/fault"
)

// Format is how a carrier writes numbers.
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

// Write returns a normalised number as the carrier wants it. country is our own country code, "+86". What is no E.164
// number (an extension, a short number) stays as it is.
func (f Format) Write(number, country string) string {
	if !strings.HasPrefix(number, "+") {
		return number
	}
	switch f.Format {
	case "digits":
		number = number[1:]
	case "national":
		number = national(number, country)
	}
	return f.Prefix + number
}

// national writes a number as one dials it in a country. Metadata that does not know a number only costs the finesse (the
// 0 that Chinese mobiles lack), never the call.
func national(number, country string) string {
	parsed, err := phonenumbers.Parse(number, "")
	code := strings.TrimPrefix(country, "+")
	region := regionOf(code)
	if err == nil && region != "" && phonenumbers.IsValidNumber(parsed) {
		return digits(phonenumbers.FormatOutOfCountryCallingNumber(parsed, region))
	}
	if rest, ours := strings.CutPrefix(number[1:], code); ours && code != "" {
		return "0" + rest
	}
	return "00" + number[1:]
}

// regionOf returns the main region of a country code, "" for none.
func regionOf(code string) string {
	n, err := strconv.Atoi(code)
	if err != nil || phonenumbers.GetRegionCodeForCountryCode(n) == phonenumbers.UNKNOWN_REGION {
		return ""
	}
	return phonenumbers.GetRegionCodeForCountryCode(n)
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// shortest is how many digits a number has at least that the carrier means as an international one.
const shortest = 8

// Read returns a number that the carrier sent in a form that people here dial too: core reads it by the hospital's plan, as it
// reads all others, so that the book and the rules see one number. Digits that begin with 0 are no E.164 number.
func (f Format) Read(number string) string {
	number = strings.TrimPrefix(number, f.Prefix)
	if f.Format == "digits" && len(number) >= shortest && digits(number) == number && number[0] != '0' {
		return "+" + number
	}
	return number
}
