package asterisk

import (
	"strings"
	"testing"

	"c2d/adapters/ari"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/config"
	"c2d/test/pbx"
)

// TestCheckSaysWhatIsWrong makes the mistakes that an admin makes, on a real Asterisk: c2d check has one line for each.
func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	a := pbx.StartAsterisk(t, pbx.Switch{})
	good := configured(t, a, 0)
	tells := func(name, want string, change func(*ari.Config)) {
		t.Helper()
		cfg, entry := good, *good.Backends[0].Asterisk
		change(&entry)
		cfg.Backends = []config.Backend{{Name: "pbx", Kind: "asterisk", Asterisk: &entry}}
		if said := app.Check(t.Context(), cfg); len(said) != 1 || !strings.HasPrefix(said[0], "backend pbx: ") || !strings.Contains(said[0], want) || strings.Contains(said[0], "\n") {
			t.Errorf("%s: c2d check says %q, want one line with %q", name, said, want)
		}
	}
	tells("wrong password", "compare username and password", func(c *ari.Config) { c.Password = "another" })
	tells("wrong user", "compare username and password", func(c *ari.Config) { c.Username = "nobody" })
	tells("wrong path", "does url end in /ari", func(c *ari.Config) { c.URL = strings.TrimSuffix(c.URL, "/ari") + "/rest" })
	tells("TLS where there is none", "tlsenable = yes", func(c *ari.Config) { c.URL = strings.Replace(c.URL, "http:", "https:", 1) })

	edit(t, a, "ari.conf", func(text string) string { return text + "\n[reader]\ntype = user\nread_only = yes\npassword = reads\n" })
	a.Console(t, "module reload res_ari.so")
	tells("read-only user", "reader may only read", func(c *ari.Config) { c.Username, c.Password = "reader", "reads" })

	edit(t, a, "ari.conf", func(text string) string { return strings.Replace(text, "enabled = yes", "enabled = no", 1) })
	a.Console(t, "module reload res_ari.so")
	tells("ARI disabled", "is enabled = yes in ari.conf", func(*ari.Config) {})

	a.Stop()
	tells("absent", "web server does not answer", func(*ari.Config) {})
}
