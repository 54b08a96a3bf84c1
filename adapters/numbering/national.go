package numbering

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// National returns how E.164 numbers are written as one dials them in a country, "+86", or in none; see [identity.Format].
// Metadata that does not know a number only costs the finesse (the 0 that Chinese mobiles lack), never the call.
func National(country string) func(number string) string {
	code := strings.TrimPrefix(country, "+")
	region := regionOf(code)
	return func(number string) string {
		parsed, err := phonenumbers.Parse(number, "")
		if err == nil && region != "" && phonenumbers.IsValidNumber(parsed) {
			return onlyDigits(phonenumbers.FormatOutOfCountryCallingNumber(parsed, region))
		}
		if rest, ours := strings.CutPrefix(number[1:], code); ours && code != "" {
			return "0" + rest
		}
		return "00" + number[1:]
	}
}

// regionOf returns the main region of a country code, "" for none.
func regionOf(code string) string {
	n, err := strconv.Atoi(code)
	if err != nil || phonenumbers.GetRegionCodeForCountryCode(n) == phonenumbers.UNKNOWN_REGION {
		return ""
	}
	return phonenumbers.GetRegionCodeForCountryCode(n)
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
