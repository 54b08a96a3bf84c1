package numbering

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"c2d/core/fault"
	"c2d/core/identity"
)

var _ identity.Folder = Folder{}

// longest is how many bytes of typed text are looked at: 32 digits in full width, each with punctuation.
const longest = 256

// clean folds and checks the characters of a typed number and returns it without punctuation.
func clean(typed string) (string, error) {
	if len(typed) > longest {
		return "", fault.New(fault.CodeInvalidNumber, "this is too long for a telephone number")
	}
	if !utf8.ValidString(typed) || strings.ContainsFunc(typed, badInNumber) {
		return "", fault.New(fault.CodeBadCharacter, "a number has no control characters, and its digits are 0 to 9")
	}
	s := strings.Map(dash, norm.NFKC.String(typed))
	s, ok := identity.StripNumber(s)
	if !ok {
		return "", fault.New(fault.CodeInvalidNumber, "a number is an optional + and 1 to 32 of 0-9, * and #")
	}
	return s, nil
}

// badInNumber refuses control and invisible format characters (which text copied from other programs brings along, and
// which could turn a display around) and every digit or numeral that is neither ASCII nor full width: folding would
// make digits of superscripts and circled figures that nobody meant as such.
func badInNumber(r rune) bool {
	if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
		return true
	}
	ascii, wide := r <= unicode.MaxASCII, r >= '０' && r <= '９'
	return unicode.IsNumber(r) && !ascii && !wide
}

// dash turns the typographic dashes between digits into the hyphen that StripNumber drops.
func dash(r rune) rune {
	switch r {
	case '\u2010', '\u2012', '\u2013', '\u2014', '\u2015', '\u2212':
		return '-'
	}
	return r
}

// Folder folds names for comparison. The zero value is ready and safe for concurrent use.
type Folder struct{}

// Fold implements [identity.Folder]. Folding a folded name changes nothing. Characters that cannot be seen (zero
// width, variation selectors) are dropped: two names that look the same must be found ambiguous, not different.
func (Folder) Fold(name string) string {
	s := strings.ToValidUTF8(name, "\ufffd")
	for { // case folding can leave forms that NFKC changes, and the reverse; a second round is rare, a third unknown
		next := foldOnce(s)
		if next == s {
			return s
		}
		s = next
	}
}

func foldOnce(s string) string {
	s = norm.NFKC.String(s)
	s = strings.Map(foldRune, s)
	s = cases.Fold().String(s) // a Caser may not be shared between goroutines
	return strings.Join(strings.Fields(norm.NFKC.String(s)), " ")
}

func foldRune(r rune) rune {
	switch r {
	case '•', '・', '‧', '∙', '⋅': // NFKC has made ・ of ･
		return '·'
	}
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector) {
		return -1
	}
	return r
}
