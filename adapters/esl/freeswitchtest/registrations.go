package freeswitchtest

import (
	"fmt"
	"slices"
	"strings"

	"c2d/core/call/calltest"
	"c2d/core/call/calltest/desk"
)

// Domain is that of its directory.
const Domain = "127.0.0.1"

// DialString is what its directory says of every user, as that of a FreeSWITCH does that is as it comes.
const DialString = "{^^:sip_invite_domain=${dialed_domain}:presence_id=${dialed_user}@${dialed_domain}}${sofia_contact(*/${dialed_user}@${dialed_domain})},${verto_contact(${dialed_user}@${dialed_domain})}"

// Twin registers one more phone at the extension of another.
func (f *FreeSWITCH) Twin(of string, does calltest.Does) *desk.Phone {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := desk.New(f, of, does)
	f.phones[of] = append(f.phones[of], p)
	return p
}

// firstPort is that of the first phone of each extension.
const firstPort = 30001

// contact is what the phone of an extension has registered.
func contact(extension string, i int) string {
	return fmt.Sprintf("sofia/internal/sip:%s@127.0.0.1:%d", extension, firstPort+i)
}

// sofiaContact tells who is registered at an extension: [PROFILE/]USER[@DOMAIN].
func (f *FreeSWITCH) sofiaContact(who string) string {
	_, who, _ = strings.Cut("/"+who, "/")
	if _, after, is := strings.Cut(who, "/"); is {
		who = after
	}
	user, domain, _ := strings.Cut(who, "@")
	var all []string
	for i, p := range f.phones[user] {
		if p.There() && (domain == "" || domain == Domain) {
			all = append(all, contact(user, i))
		}
	}
	if len(all) == 0 {
		return "error/user_not_registered"
	}
	return strings.Join(all, ",")
}

// userData is what the directory says of a user: USER[@DOMAIN] param|var NAME. Of what it does not know it says nothing.
func (f *FreeSWITCH) userData(rest string) string {
	words := strings.Fields(rest)
	if len(words) != 3 {
		return ""
	}
	user, domain, _ := strings.Cut(words[0], "@")
	if f.phones[user] == nil || domain != "" && domain != Domain {
		return ""
	}
	return map[string]string{"param dial-string": DialString, "var user_context": "default"}[words[1]+" "+words[2]]
}

// reach finds the phone of an endpoint, or says why there is none. Of several at one extension a channel that has its UUID from
// outside rings one. At an address where no phone is any more nobody answers.
func (f *FreeSWITCH) reach(endpoint string) (*desk.Phone, string) {
	if rest, is := strings.CutPrefix(endpoint, "sofia/internal/sip:"); is {
		user, _, _ := strings.Cut(rest, "@")
		for i, p := range f.phones[user] {
			if endpoint == contact(user, i) && p.There() {
				return p, ""
			}
		}
		return desk.New(f, user, calltest.Congested), ""
	}
	number, is := strings.CutPrefix(endpoint, "user/")
	if !is {
		return nil, "CHAN_NOT_IMPLEMENTED"
	}
	number = strings.TrimSuffix(number, "@"+Domain)
	if f.phones[number] == nil {
		return nil, "SUBSCRIBER_ABSENT"
	}
	if i := slices.IndexFunc(f.phones[number], (*desk.Phone).There); i >= 0 {
		return f.phones[number][i], ""
	}
	return nil, "USER_NOT_REGISTERED"
}
