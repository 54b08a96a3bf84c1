package dialog

import (
	"strings"
	"unicode/utf8"

	"github.com/emiago/sipgo/sip"

	"c2d/core/fault"
)

const longest = 1024 // of one value in a header; what is longer is no address and no name

// Clean returns an error unless s can stand in a SIP header: UTF-8 without control characters, 1,024 bytes at most.
// Errors: fault.CodeBadCharacter with the field, fault.CodeTooLarge.
func Clean(field, s string) error {
	if len(s) > longest {
		return fault.Field(fault.CodeTooLarge, field, "longer than %d bytes", longest)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, control) {
		return fault.Field(fault.CodeBadCharacter, field, "contains a control character or is not UTF-8")
	}
	return nil
}

// control reports the runes that never belong on one line of text: C0, DEL, C1, and Unicode's line and paragraph ends.
func control(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}

// Quote returns a display name as the inside of a quoted-string (RFC 3261 section 25.1).
func Quote(name string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
}

// ParseURI reads a sip: or sips: URI that is safe to send. Errors: fault.CodeBadCharacter, fault.CodeTooLarge,
// fault.CodeInvalid, all with the field.
func ParseURI(field, s string) (sip.Uri, error) {
	var u sip.Uri
	if err := Clean(field, s); err != nil {
		return u, err
	}
	if strings.ContainsAny(s, " <>\"") {
		return u, fault.Field(fault.CodeBadCharacter, field, "contains a character that no SIP URI has")
	}
	if err := sip.ParseUri(s, &u); err != nil || u.Host == "" || u.Scheme != "sip" && u.Scheme != "sips" {
		return u, fault.Field(fault.CodeInvalid, field, "is no SIP URI")
	}
	return u, nil
}
