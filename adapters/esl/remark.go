package esl

import (
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"c2d/core/identity"
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

// registered is who is registered, as FreeSWITCH lists it.
type registered struct {
	Count *int `json:"row_count"`
	Rows  []struct {
		User  string `json:"reg_user"`
		Realm string `json:"realm"`
	} `json:"rows"`
}

// phones looks at who is registered, if phones are reached by their extension.
func (b *Backend) phones(ask ask) string {
	var list registered
	if !b.dialsUsers() || json.Unmarshal([]byte(ask("show", "registrations", "as", "json")), &list) != nil || list.Count == nil {
		return ""
	}
	if *list.Count == 0 {
		return `no phone is registered: "sofia status profile internal" says where they have to, and its log why one is refused`
	}
	many, first := list.crowded()
	if many == 0 {
		return ""
	}
	return fmt.Sprintf("%d extensions have more than one phone, %s is the first, and FreeSWITCH rings only one of them for a click: give each phone an extension of its own, and all to the same user of C2D as devices, which ring together", many, first)
}

func (b *Backend) dialsUsers() bool {
	return len(b.cfg.Dial) == 0 || slices.ContainsFunc(b.cfg.Dial, func(d identity.Dial) bool { return strings.HasPrefix(d.To, "user/") })
}

// crowded counts the extensions with several phones, and names one.
func (r registered) crowded() (many int, first string) {
	phones := map[string]int{}
	for _, row := range r.Rows {
		name := row.User + "@" + row.Realm
		if phones[name]++; phones[name] != 2 {
			continue
		}
		if many++; many == 1 {
			first = row.User
		}
	}
	return many, first
}
