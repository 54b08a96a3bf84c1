package esl

import (
	"cmp"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// fewSessions is how many sessions a second FreeSWITCH comes with: half as many calls by click, and those that come in count too.
const fewSessions = 30

// remarks are what works, and could be better.
func (b *Backend) remarks(ask ask) (all []string) {
	for _, text := range []string{few(ask), talkative(ask), patient(ask), b.astray(ask), b.folderless(ask), voiceless(ask), b.phones(ask)} {
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

// sessions is what "fsctl sps" says: "+OK sessions per second: 30".
var sessions = regexp.MustCompile(`sessions per second: ([0-9]+)`)

func few(ask ask) string {
	n := sessions.FindStringSubmatch(ask("fsctl", "sps"))
	if n == nil {
		return ""
	}
	if most, err := strconv.Atoi(n[1]); err != nil || most > fewSessions {
		return ""
	}
	return "FreeSWITCH begins " + n[1] + ` legs a second at most, of which a call has two: when many click at once, calls end as congestion; autoload_configs/switch.conf.xml wants <param name="sessions-per-second" value="200"/>, then "fsctl sps 200"`
}

func talkative(ask ask) string {
	switch level := settings(ask, "switch.conf")["loglevel"]; level {
	case "debug", "info", "notice":
		return "FreeSWITCH's log has every number that is dialled, since its level is " + level + `: autoload_configs/switch.conf.xml wants <param name="loglevel" value="warning"/>, then "fsctl loglevel warning"`
	}
	return ""
}

func patient(ask ask) string {
	if n, err := strconv.Atoi(ask("global_getvar", "media_timeout")); err == nil && n > 0 {
		return ""
	}
	return `a phone that vanishes in a call is not noticed: vars.xml wants <X-PRE-PROCESS cmd="set" data="media_timeout=60000"/>, then "global_setvar media_timeout=60000"`
}

// astray looks whether the dialplan hands us calls, if we wait for some. One that is made elsewhere, as in a database, is not seen.
func (b *Backend) astray(ask ask) string {
	dialplan := ask("xml_locate", "dialplan")
	_, port, err := net.SplitHostPort(b.cfg.Listen)
	if err != nil || !strings.Contains(dialplan, "<extension") {
		return ""
	}
	for _, to := range sockets(dialplan) {
		if _, at, _ := net.SplitHostPort(to); at == port {
			return ""
		}
	}
	return "no extension of the dialplan leads to " + b.cfg.Listen + `, so that the feature code is not known: 00_c2d.xml belongs into the folder of the phones' context, dialplan/default, then "reloadxml"`
}

func (b *Backend) folderless(ask ask) string {
	if b.cfg.Recordings == "" || ask("file_exists", b.cfg.Recordings) != "false" {
		return ""
	}
	return "FreeSWITCH sees no folder " + b.cfg.Recordings + ", and makes it at the first recording if its user may: recordings of this entry is media.recordings as FreeSWITCH sees it"
}

var codecs = regexp.MustCompile(`<outbound-codecs>([^<]*)</outbound-codecs>`)

// voiceless looks for G.711 in what the profile of phones offers, which every phone and every carrier has.
func voiceless(ask ask) string {
	list := codecs.FindStringSubmatch(ask("sofia", "xmlstatus", "profile", "internal"))
	if list == nil || strings.Contains(list[1], "PCMA") || strings.Contains(list[1], "PCMU") {
		return ""
	}
	return `phones are offered ` + list[1] + ` and no G.711, which everybody has: outbound_codec_prefs in vars.xml wants PCMA and PCMU too, then "reloadxml" and "sofia profile internal restart"`
}

var (
	profile = regexp.MustCompile(`(?m)^\s*(\S+)\s+profile\s.*RUNNING`)
	owner   = regexp.MustCompile(`<user>([^<@]*)([^<]*)</user>`)
)

// phones looks at who is registered at each profile, if phones are reached by their extension. FreeSWITCH's list of registrations has
// one for an extension, however many there are.
func (b *Backend) phones(ask ask) string {
	if !b.cfg.extensions() {
		return ""
	}
	var shown, first string
	many, phones := 0, map[string]int{}
	for _, p := range profile.FindAllStringSubmatch(ask("sofia", "status"), -1) {
		shown += ask("sofia", "xmlstatus", "profile", p[1], "reg")
	}
	for _, of := range owner.FindAllStringSubmatch(shown, -1) {
		if phones[of[1]+of[2]]++; phones[of[1]+of[2]] == 2 {
			many, first = many+1, cmp.Or(first, of[1])
		}
	}
	switch {
	case !strings.Contains(shown, "<registrations>"), len(phones) > 0 && (many == 0 || b.cfg.EveryPhone):
		return ""
	case len(phones) == 0:
		return `no phone is registered: "sofia status profile internal" says where they have to, and its log why one is refused`
	}
	return fmt.Sprintf("extensions with more than one phone: %d, %s is the first, and C2D rings only one of them: every_phone: true in this entry rings every one; or give each phone an extension of its own, each a device of its user", many, first)
}
