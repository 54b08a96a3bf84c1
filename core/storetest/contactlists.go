package storetest

import (
	"fmt"
	"strings"
	"testing"

	"c2d/core/directory"
	"c2d/core/user"
)

// testContactLists has names whose order by bytes is not that of any language, and more than one statement holds.
func testContactLists(t *testing.T, s Stores) {
	names := []string{"Zoe", "anna", "anna b", "anna-c", "anna\U0010fffe", "bob%", "bob_", "zoe", "é", "李", "王", "王芳", "\U0001f600"}
	var c []directory.Keyed
	for i := len(names) - 1; i >= 0; i-- {
		c = append(c, newContact(fmt.Sprintf("%02d", i), names[i], fmt.Sprint("alias", i%2), "100"))
	}
	c = append(c, newContact("99", "anna", "anna's twin", "100"))
	putContacts(t, s, c...)
	for _, l := range []struct {
		prefix string
		names  []string
	}{
		{"", append([]string{"Zoe", "anna", "anna"}, names[2:]...)},
		{"anna", []string{"anna", "anna", "anna b", "anna-c", "anna\U0010fffe"}},
		{"anna'", []string{"anna"}},
		{"王", []string{"王", "王芳"}},
		{"alias1", []string{"anna", "anna-c", "bob%", "zoe", "李", "王芳"}},
		{"bob_", []string{"bob_"}},
		{"%", nil},
	} {
		for _, limit := range []int{1, 3, 500} {
			t.Run(fmt.Sprintf("%q by %d", l.prefix, limit), func(t *testing.T) {
				same(t, strings.Join(namesOf(t, s, l.prefix, limit), "|"), strings.Join(l.names, "|"))
			})
		}
	}
	badCursors(t, func(after string) error {
		_, _, err := s.Contacts(t.Context(), tenantA, "", user.Page{After: after, Limit: 1})
		return err
	})
	t.Run("an import of many", func(t *testing.T) { testImport(t, s) })
}

func namesOf(t *testing.T, s Stores, prefix string, limit int) []string {
	t.Helper()
	contacts := pages(t, limit, func(after string) ([]directory.Contact, string, error) {
		return s.Contacts(t.Context(), tenantA, prefix, user.Page{After: after, Limit: limit})
	})
	var names []string
	for _, c := range contacts {
		names = append(names, string(c.Name))
	}
	return names
}

func testImport(t *testing.T, s Stores) {
	const many = 1234
	var c []directory.Keyed
	for i := range many {
		c = append(c, newContact(fmt.Sprintf("import-%04d", i), fmt.Sprintf("import %04d", i), "", "5"))
	}
	stored := putContacts(t, s, c...)
	for i := range c {
		c[i].Contact = stored[i]
	}
	putContacts(t, s, c...)
	same(t, len(namesOf(t, s, "import", 500)), many)
}
