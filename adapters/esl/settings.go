package esl

import (
	"encoding/xml"
	"strings"
)

// What FreeSWITCH's files say, as FreeSWITCH itself has read them.

// settings are the parameters of one of autoload_configs: "switch.conf". None if FreeSWITCH does not show them.
func settings(ask ask, name string) map[string]string {
	all := map[string]string{}
	elements(ask("xml_locate", "configuration", "configuration", "name", name), func(e xml.StartElement) {
		if e.Name.Local == "param" {
			all[attribute(e, "name")] = attribute(e, "value")
		}
	})
	return all
}

// sockets are the addresses to which a dialplan hands calls.
func sockets(dialplan string) (to []string) {
	elements(dialplan, func(e xml.StartElement) {
		if e.Name.Local == "action" && attribute(e, "application") == "socket" {
			address, _, _ := strings.Cut(attribute(e, "data"), " ")
			to = append(to, address)
		}
	})
	return to
}

// elements calls f with each element, as far as the text is XML.
func elements(text string, f func(xml.StartElement)) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	for {
		token, err := d.Token()
		if err != nil {
			return
		}
		if e, is := token.(xml.StartElement); is {
			f(e)
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
