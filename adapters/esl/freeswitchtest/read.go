package freeswitchtest

import (
	"slices"
	"strings"
)

// Order is an originate as FreeSWITCH understands it.
type Order struct {
	Variables map[string]string
	Endpoints []string // with their own variables, options and headers, if there are any
	Calls     int      // 1, unless :_: begins more of them
	Does      string   // what the channel does then, such as "&park()"
	More      []string // further words: dialplan, context, caller id, limit
}

// ReadOriginate takes the arguments of an originate apart as FreeSWITCH does, in three passes: by spaces, the variables by commas,
// each at its first equals sign. Every pass eats one level of quotes and of escapes. It reports false for what FreeSWITCH
// answers with its usage.
func ReadOriginate(text string) (o Order, ok bool) {
	words := split(text, ' ')
	if len(words) < 2 || len(words) > 7 {
		return Order{}, false
	}
	o = Order{Variables: map[string]string{}, Does: words[1], More: words[2:], Calls: 1 + strings.Count(words[0], ":_:")}
	to := words[0]
	for strings.HasPrefix(to, "{") {
		inside, rest, closed := strings.Cut(to[1:], "}")
		if !closed {
			return o, true // it rings nobody
		}
		to = rest
		for _, pair := range split(inside, ',') {
			if v := split(pair, '='); len(v) > 1 {
				o.Variables[v[0]] = strings.Join(v[1:], "=")
			}
		}
	}
	o.Endpoints = slices.Concat(each(split(to, ','), '|')...)
	return o, true
}

// each splits all of some words.
func each(words []string, at byte) (all [][]string) {
	for _, w := range words {
		all = append(all, split(w, at))
	}
	return all
}

// split is one pass.
func split(text string, at byte) (parts []string) {
	quoted, from := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == '\'':
			quoted = quoted != (quoted || strings.Contains(text[i+1:], "'"))
		case text[i] == at && !quoted:
			if at != ' ' || i > from { // several spaces are one
				parts = append(parts, clean(text[from:i], at))
			}
			from = i + 1
		}
	}
	if from < len(text) || at != ' ' {
		parts = append(parts, clean(text[from:], at))
	}
	return parts
}

// meant are the letters that stand for something else after a backslash.
var meant = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 's': ' ', '\'': '\'', '"': '"', '\\': '\\'}

// clean takes quotes, escapes and blanks at either end from what a pass has found.
func clean(text string, at byte) string {
	var b strings.Builder
	text = strings.TrimLeft(text, " ")
	quoted, end := false, 0
	for i := 0; i < len(text); i++ {
		c, escaped := text[i], false
		if c == '\\' && i+1 < len(text) && (meant[text[i+1]] != 0 || text[i+1] == at) {
			i++
			if c, escaped = text[i], true; meant[c] != 0 {
				c = meant[c]
			}
		}
		if c == '\'' && !escaped && (quoted || strings.Contains(text[i+1:], "'")) {
			quoted = !quoted
			continue
		}
		if b.WriteByte(c); c != ' ' || quoted || escaped {
			end = b.Len()
		}
	}
	return b.String()[:end]
}
