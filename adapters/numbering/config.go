package numbering

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"c2d/core/fault"
)

// Config is the hospital's place in the numbering plans. The zero value knows no country: only numbers with a + get
// an E.164 form, and the emergency numbers of the larger part of the world are recognised.
type Config struct {
	Country   string   `yaml:"country"`   // country calling code with its +, such as "+86"
	Area      string   `yaml:"area"`      // area code without the trunk prefix, such as "532"; local numbers belong to it
	Outside   string   `yaml:"outside"`   // what the PBX wants before an external number, such as "9"
	Extension string   `yaml:"extension"` // regular expression over the whole number; empty is no extensions
	Emergency []string `yaml:"emergency"` // empty is those that the country's metadata knows; without a country, worldEmergency
	Allow     []string `yaml:"allow"`     // regular expressions over the normalised number; empty allows all
	Deny      []string `yaml:"deny"`      // likewise, and also over the digits as dialled; wins over Allow
}

var (
	countryForm   = regexp.MustCompile(`^\+[1-9][0-9]{0,2}$`)
	areaForm      = regexp.MustCompile(`^[0-9]{1,6}$`)
	outsideForm   = regexp.MustCompile(`^[0-9*#]{1,4}$`)
	emergencyForm = regexp.MustCompile(`^[0-9]{2,6}$`)
)

// Validate returns every error of the configuration, joined; each is a fault with its field.
func (c Config) Validate() error {
	_, err := New(c)
	return err
}

// worldEmergency is what an installation that says nothing of itself must not dial by click: China, Europe and the GSM
// networks, North America, Britain and others, Australia. It is short, since each is an extension that cannot be called.
var worldEmergency = []string{"000", "110", "112", "119", "120", "122", "911", "999"}

// checker collects the errors of a configuration, so that all are told at once.
type checker struct{ errs []error }

func (k *checker) fail(field, format string, args ...any) {
	k.errs = append(k.errs, fault.Field(fault.CodeInvalid, field, format, args...))
}

func (k *checker) form(field, value string, form *regexp.Regexp, want string) {
	if value != "" && !form.MatchString(value) {
		k.fail(field, "must be %s", want)
	}
}

func (k *checker) regexp(field, expr string) *regexp.Regexp {
	re, err := regexp.Compile(expr)
	if err != nil {
		k.fail(field, "is not a regular expression: %v", err)
	}
	return re
}

func (k *checker) regexps(field string, exprs []string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for i, expr := range exprs {
		at := fmt.Sprintf("%s[%d]", field, i)
		if expr == "" {
			k.fail(at, "is empty: it would match every number")
			continue
		}
		all = append(all, k.regexp(at, expr))
	}
	return all
}

// region returns the main region of the country code, such as CN, and its metadata; nil without a country.
func (k *checker) region(country string) *phonenumbers.PhoneMetadata {
	if !countryForm.MatchString(country) {
		return nil
	}
	code, _ := strconv.Atoi(country[1:]) // the form proves that it is a number
	id := phonenumbers.GetRegionCodeForCountryCode(code)
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		k.fail("country", "cannot be looked up: %v", err)
		return nil
	}
	for _, m := range all.GetMetadata() {
		if m.GetId() == id && int(m.GetCountryCode()) == code {
			return m
		}
	}
	k.fail("country", "is no known country calling code")
	return nil
}

func (k *checker) forms(c Config) {
	k.form("country", c.Country, countryForm, `a country calling code with its +, such as "+86"`)
	k.form("area", c.Area, areaForm, "1 to 6 digits")
	k.form("outside", c.Outside, outsideForm, "1 to 4 of 0-9, * and #")
	for i, e := range c.Emergency {
		if !emergencyForm.MatchString(e) {
			k.fail(fmt.Sprintf("emergency[%d]", i), "must be 2 to 6 digits")
		}
	}
	if c.Area != "" && c.Country == "" {
		k.fail("area", "needs a country")
	}
}

func (k *checker) area(area, trunk string) {
	if trunk != "" && strings.HasPrefix(area, trunk) {
		k.fail("area", "must be written without the trunk prefix %s", trunk)
	}
}

func (k *checker) err() error { return errors.Join(k.errs...) }
