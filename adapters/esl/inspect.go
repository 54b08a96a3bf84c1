package esl

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// What FreeSWITCH's packages come with.
const (
	stockPassword = "ClueCon" // of the event socket
	stockSecret   = "1234"    // of the phones 1000 to 1019
)

// faults are what has to be put right before calls are made.
func (b *Backend) faults(ask ask) (all []string) {
	all = append(all, b.absent(ask)...)
	if ask("module_exists", "mod_sofia") == "true" && !strings.Contains(ask("sofia", "status"), "RUNNING") {
		all = append(all, "no SIP profile runs, so that no phone can register: see the files in sip_profiles, and FreeSWITCH's log for why")
	}
	all = append(all, b.nowhere(ask)...)
	if b.cfg.Password == stockPassword {
		all = append(all, "the event socket has the password that FreeSWITCH comes with and everybody knows: write one of your own as password in autoload_configs/event_socket.conf.xml and in this entry, then \"reload mod_event_socket\"")
	}
	if at := openTo(settings(ask, "event_socket.conf")); at != "" {
		all = append(all, "the event socket listens on "+at+`: autoload_configs/event_socket.conf.xml wants <param name="listen-ip" value="127.0.0.1"/> and <param name="apply-inbound-acl" value="loopback.auto"/>, then "reload mod_event_socket"`)
	}
	if guessed(ask) {
		all = append(all, `the phones that FreeSWITCH comes with have the password 1234, and until that is changed its dialplan waits 10 s before each call: vars.xml wants another default_password, then "reloadxml"`)
	}
	return all
}

// needed are the modules without which something does not work, and what.
func (b *Backend) needed() (modules []string) {
	modules = []string{"mod_sofia", "mod_dptools", "mod_tone_stream"}
	if b.cfg.Recordings != "" {
		modules = append(modules, "mod_sndfile")
	}
	if b.cfg.Listen != "" {
		modules = append(modules, "mod_dialplan_xml")
	}
	return modules
}

// absent has a sentence for each module that is not loaded.
func (b *Backend) absent(ask ask) (all []string) {
	for _, module := range b.needed() {
		if there := ask("module_exists", module); there == "" || there == "true" {
			continue
		}
		text := fmt.Sprintf(`FreeSWITCH has not loaded %[1]s: autoload_configs/modules.conf.xml wants <load module="%[1]s"/>, then "load %[1]s"`, module)
		if module == "mod_sofia" {
			text += `; if it is there already, FreeSWITCH asks a server in the internet for its address and gets no answer: in vars.xml, cmd="set" and the address in place of each stun-set`
		}
		all = append(all, text)
	}
	return all
}

var (
	gateway = regexp.MustCompile(`^sofia/gateway/([^/]+)/`)
	domain  = regexp.MustCompile(`^user/[^@]*@(.+)$`)
)

// nowhere has a sentence for each rule of dial that leads nowhere.
func (b *Backend) nowhere(ask ask) (all []string) {
	for i, d := range b.cfg.Dial {
		if m := gateway.FindStringSubmatch(d.To); m != nil && strings.HasPrefix(ask("sofia", "status", "gateway", m[1]), "Invalid Gateway") {
			all = append(all, fmt.Sprintf(`dial[%d] leads to the gateway %s, which FreeSWITCH does not have: "sofia status" shows those of sip_profiles/external, by name`, i, m[1]))
		}
		if m := domain.FindStringSubmatch(d.To); m != nil && ask("domain_exists", m[1]) == "false" {
			all = append(all, fmt.Sprintf(`dial[%d] leads to the domain %s, which FreeSWITCH does not have: "list_users" shows those of its directory, and "global_getvar domain" its own`, i, m[1]))
		}
	}
	return all
}

// openTo says to whom an event socket is open that has neither an address nor an access list, "" if it is not.
func openTo(of map[string]string) string {
	at, told := of["listen-ip"]
	ip, err := netip.ParseAddr(at)
	switch {
	case !told || of["apply-inbound-acl"] != "" || err == nil && ip.IsLoopback():
		return ""
	case err != nil || ip.IsUnspecified():
		return "every address of its machine (listen-ip is " + at + ")"
	}
	return at + " without an access list"
}

// guessed reports whether strangers get in by the password of FreeSWITCH's own phones.
func guessed(ask ask) bool {
	return ask("global_getvar", "default_password") == stockSecret &&
		(ask("user_data", "1000@"+ask("global_getvar", "domain"), "param", "password") == stockSecret ||
			strings.Contains(ask("xml_locate", "dialplan"), "default_password"))
}
