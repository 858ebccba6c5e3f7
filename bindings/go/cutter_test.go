package tessera

import "testing"

func TestPiecesAreWholeCharacters(t *testing.T) {
	var cut cutter
	text, count := "", 0
	for _, each := range []byte("aé→😀b") {
		piece := cut.push(string([]byte{each}))
		text += piece
		if piece != "" {
			count++
		}
	}
	expect(t, text+cut.rest() == "aé→😀b" && count == 5, text, count)
	text = cut.push("a\xff") + cut.push("\x80\xf0\x9f") + cut.rest()
	expect(t, text == "a\xff\x80\xf0\x9f", text)
}
