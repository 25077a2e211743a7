package lfs

import (
	"fmt"
	"strings"
	"testing"
)

const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"

func pointer(size any) string {
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %v\n", sum, size)
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		text string
		ok   bool
	}{
		"good":           {pointer(5), true},
		"old version":    {strings.Replace(pointer(5), "git-lfs.github.com", "hawser.github.com", 1), true},
		"no end of line": {strings.TrimSuffix(pointer(5), "\n"), true},
		"more":           {pointer(5) + "more\n", false},
		"negative":       {pointer(-1), false},
		"sign":           {pointer("+5"), false},
		"zeros":          {pointer("05"), false},
		"huge":           {pointer("99999999999999999999"), false},
		"no size":        {strings.SplitAfter(pointer(5), sum+"\n")[0], false},
		"short sum":      {strings.Replace(pointer(5), sum, sum[1:], 1), false},
		"upper case":     {strings.Replace(pointer(5), sum, strings.ToUpper(sum), 1), false},
		"path as sum":    {strings.Replace(pointer(5), sum, "../"+sum[3:], 1), false},
		"other hash":     {strings.Replace(pointer(5), "sha256", "sha512", 1), false},
		"other version":  {strings.Replace(pointer(5), "v1", "v2", 1), false},
		"text before":    {"x\n" + pointer(5), false},
		"nothing":        {"", false},
		"long":           {pointer(5) + strings.Repeat(" ", MaxPointer), false},
	}
	for name, c := range cases {
		p, ok := Parse([]byte(c.text))
		if ok != c.ok || ok && (p.OID != sum || p.Size != 5) {
			t.Errorf("%s: %+v, %v", name, p, ok)
		}
	}
}

func TestCheck(t *testing.T) {
	p := Pointer{OID: sum, Size: 5}
	if err := p.Check([]byte("hello")); err != nil {
		t.Error(err)
	}
	for _, data := range []string{"hellO", "hell", "hello!", ""} {
		if p.Check([]byte(data)) == nil {
			t.Errorf("%q was accepted", data)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(pointer(5)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, ok := Parse(data); ok && (p.Size < 0 || !isSum(p.OID)) {
			t.Errorf("%q is %+v", data, p)
		}
	})
}
