package esl

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/esl/freeswitchtest"
	"c2d/core/fault"
	"c2d/core/identity"
)

// TestProbe: one sentence says what to do.
func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*Backend, *ward)
		want string // is in the sentence; empty is well
	}{
		"all is well":    {func(*Backend, *ward) {}, ""},
		"wrong password": {func(b *Backend, _ *ward) { b.to.Password = "wrong" }, "compare it with password in autoload_configs/event_socket.conf.xml"},
		"nobody there":   {func(_ *Backend, w *ward) { w.Lose() }, "no event socket answers at"},
		"access list":    {says("Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"), "apply-inbound-acl"},
		"a web server":   {says("HTTP/1.1 400 Bad Request\r\n\r\n"), "is no event socket"},
		"a silent one":   {says(""), "says nothing"},
		"no profile":     {func(_ *Backend, w *ward) { w.freeswitch.Says = nil }, "no SIP profile runs"},
		"a hung one": {func(_ *Backend, w *ward) {
			w.freeswitch.Before = func(command string) {
				if strings.HasPrefix(command, "api version") {
					time.Sleep(time.Minute)
				}
			}
		}, "does not answer commands"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &ward{freeswitch: freeswitchtest.New(t)}
				w.freeswitch.Says = map[string]string{"sofia status": "RUNNING (0)"}
				b := w.Open(t).(*Backend)
				c.set(b, w)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				err := b.Probe(ctx)
				if c.want == "" && err != nil || c.want != "" && (!fault.Is(err, fault.CodeBackendUnavailable) || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%v, want %q", err, c.want)
				}
			})
		})
	}
}

// says puts something else in FreeSWITCH's place, which says this and then nothing.
func says(text string) func(*Backend, *ward) {
	return func(b *Backend, _ *ward) {
		b.to.Dial = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = far.Write([]byte(text)) }() // ends when it is read, or near is closed
			return near, nil
		}
	}
}

// stock is what a FreeSWITCH 1.10.12 says that is as it comes.
var stock = map[string]string{
	"xml_locate configuration configuration name event_socket.conf": `<configuration name="event_socket.conf" description="Socket Client">
    <settings>
        <param name="nat-map" value="false"></param>

        <param name="listen-ip" value="::"></param>
        <param name="listen-port" value="8021"></param>
        <param name="password" value="ClueCon"></param>
  </settings>
</configuration>`,
	"xml_locate configuration configuration name switch.conf": `<configuration name="switch.conf"><settings><param name="loglevel" value="debug"></param></settings></configuration>`,
	"xml_locate dialplan": `<section name="dialplan"><context name="default"><extension name="global" continue="true"><condition field="${default_password}" expression="^1234$" break="never">` +
		`<action application="sleep" data="10000"></action></condition></extension></context></section>`,
	"global_getvar default_password":       "1234",
	"sofia xmlstatus profile internal":     "<profile>\n    <outbound-codecs>OPUS,G722</outbound-codecs>\n</profile>",
	"sofia status":                         "                 internal	profile	             sip:mod_sofia@10.0.0.2:5060	RUNNING (0)\n",
	"sofia xmlstatus profile internal reg": "<profile>\n  <registrations>\n  </registrations>\n</profile>",
	"file_exists /recordings":              "false",
	"fsctl sps":                            "+OK sessions per second: 30\n",
	"domain_exists a.example":              "true",
	"domain_exists b.example":              "false",
	"sofia status gateway a":               "====\nName    	a\n",
	"sofia status gateway b":               "Invalid Gateway!\n",
	"module_exists mod_sndfile":            "false",
	"module_exists mod_dialplan_xml":       "false",
}

// TestAFreeSWITCHAsItComes has a sentence for each thing, with the file and what to write.
func TestAFreeSWITCHAsItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ward{freeswitch: freeswitchtest.New(t)}
		w.freeswitch.Says = stock
		b := w.Open(t).(*Backend)
		b.cfg.Password, b.cfg.Listen = "ClueCon", "127.0.0.1:8084"
		b.cfg.Dial = []identity.Dial{{Match: "^1", To: "user/{number}@a.example"}, {Match: "^2", To: "user/{number}@b.example"}, {Match: "^3", To: "sofia/gateway/a/{number}"}, {Match: ".", To: "sofia/gateway/b/{number}"}}
		tells(t, strings.Split(b.Probe(t.Context()).Error(), "\n"), []string{
			"has not loaded mod_sndfile: autoload_configs/modules.conf.xml wants", "has not loaded mod_dialplan_xml",
			"dial[1] leads to the domain b.example, which", "dial[3] leads to the gateway b, which",
			"write one of your own as password in autoload_configs/event_socket.conf.xml", `listen-ip is ::): autoload_configs/event_socket.conf.xml wants <param name="listen-ip" value="127.0.0.1"/>`, "vars.xml wants another default_password",
		})
		tells(t, b.Limits(t.Context()), []string{
			`begins 30 legs a second at most, of which a call has two`, `its level is debug: autoload_configs/switch.conf.xml wants <param name="loglevel" value="warning"/>`, "vars.xml wants <X-PRE-PROCESS cmd=\"set\" data=\"media_timeout=60000\"/>",
			"no extension of the dialplan leads to 127.0.0.1:8084", "sees no folder /recordings", "offered OPUS,G722 and no G.711", "no phone is registered",
		})
	})
}

// tells compares sentences, of which each has one of the words in it, in order.
func tells(t *testing.T, said, want []string) {
	t.Helper()
	for i, text := range said {
		if i >= len(want) || !strings.Contains(text, want[i]) || strings.Contains(text, "\n") {
			t.Errorf("it says %q", text)
		}
	}
	if len(said) != len(want) {
		t.Errorf("it says %d things, want %d", len(said), len(want))
	}
}

// TestAFreeSWITCHPutRight has nothing that is told, and neither has one that shows none of its files.
func TestAFreeSWITCHPutRight(t *testing.T) {
	right := map[string]string{
		"xml_locate configuration configuration name event_socket.conf": `<configuration><settings><param name="listen-ip" value="0.0.0.0"/><param name="apply-inbound-acl" value="c2d"/></settings></configuration>`,
		"xml_locate dialplan":                  `<section><context name="ward"><extension name="c2d"><condition><action application="socket" data="10.0.0.5:8084 async full"/></condition></extension></context></section>`,
		"global_getvar default_password":       "1234", // which nobody uses any more
		"global_getvar media_timeout":          "60000",
		"sofia status":                         "internal	profile	sip:mod_sofia@10.0.0.2:5060	RUNNING (0)\n",
		"sofia xmlstatus profile internal":     "<outbound-codecs>OPUS,PCMA</outbound-codecs>",
		"sofia xmlstatus profile internal reg": "<registrations><registration><user>101@a</user></registration></registrations>",
		"file_exists /recordings":              "true",
		"fsctl sps":                            "+OK sessions per second: 31\n",
	}
	for name, says := range map[string]map[string]string{"right": right, "shows nothing": {"sofia status": right["sofia status"], "global_getvar media_timeout": "60000"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &ward{freeswitch: freeswitchtest.New(t)}
				w.freeswitch.Says = says
				b := w.Open(t).(*Backend)
				b.cfg.Listen = "0.0.0.0:8084"
				if err := b.Probe(t.Context()); err != nil {
					t.Error(err)
				}
				tells(t, b.Limits(t.Context()), nil)
			})
		})
	}
}

// TestExtensionsWithManyPhones are told of, since one of the phones rings, unless every one does.
func TestExtensionsWithManyPhones(t *testing.T) {
	for users, want := range map[string]string{
		"101@a 102@a 101@b": "", "101@a 102@a 102@a 102@a 101@a": "extensions with more than one phone: 2, 102 is the first, and C2D rings only one of them: every_phone: true in this entry",
	} {
		for _, every := range []bool{false, true} {
			b := &Backend{cfg: Config{EveryPhone: every}}
			said := b.phones(func(_ string, arguments ...string) string {
				if len(arguments) == 1 {
					return stock["sofia status"]
				}
				return "<registrations><user>" + strings.ReplaceAll(users, " ", "</user>\n<user>") + "</user></registrations>"
			})
			if told := want != "" && !every; !strings.HasPrefix(said, want) && told || (said != "") != told {
				t.Errorf("of %s it says %q, where every phone rings: %v", users, said, every)
			}
		}
	}
}

func TestTooOld(t *testing.T) {
	for text, want := range map[string]string{
		"FreeSWITCH Version 1.10.12-release+git~20240802T210227Z~a88d069d6f~64bit (git a88d069 2024-08-02 21:02:27Z 64bit)": "", "FreeSWITCH Version 1.10.7 (64bit)": "",
		"FreeSWITCH Version 1.8.7 (64bit)": "1.8.7", "FreeSWITCH Version 1.6.20~64bit": "1.6.20~64bit", "FreeSWITCH Version 2.0.1": "", "something else": "", "": "",
	} {
		if got := tooOld(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
