package numbering

import "testing"

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"mary", "Mary", "MARY", " Mary ", "\u3000Ｍａｒｙ", "Ma\u200bry", "mary\n"},
		{"阿凡提·买买提", "阿凡提•买买提", "阿凡提・买买提", "阿凡提･买买提", "阿凡提‧买买提"},
		{"dr li", "Dr  Li", "DR\tLI", "Ｄｒ　Ｌｉ"},
		{"strasse", "Straße", "STRASSE", "STRAẞE"},
		{"カナ", "ｶﾅ"},
		{"ガ", "ｶﾞ"},
		{"é", "e\u0301", "É"},
		{"葛 城", "葛\U000e0100 城"},
		{"", " \u3000 "},
	} {
		for _, name := range same {
			if got := (Folder{}).Fold(name); got != same[0] {
				t.Errorf("%q folds to %q, want %q", name, got, same[0])
			}
		}
	}
	for a, b := range map[string]string{"Mary": "Mari", "张三": "張三", "Li·Na": "LiNa", "李 娜": "李娜"} {
		if (Folder{}).Fold(a) == (Folder{}).Fold(b) {
			t.Errorf("%q and %q fold to the same", a, b)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"Mary", "ﬃ", "ǰ\u0345", "İ", "ς", "･", "\u037a", "ͅ a", "\xff", "a\u0300\u0315"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		once := Folder{}.Fold(name)
		if twice := (Folder{}).Fold(once); twice != once {
			t.Errorf("%q folds to %q, and that to %q", name, once, twice)
		}
	})
}
