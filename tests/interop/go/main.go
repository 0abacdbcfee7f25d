// A small plugin made with the official Go SDK: a source of JSON events, fields of some types, and panics on demand.
package main

import (
	"encoding/gob"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/falcosecurity/plugin-sdk-go/pkg/sdk"
	"github.com/falcosecurity/plugin-sdk-go/pkg/sdk/plugins"
	"github.com/falcosecurity/plugin-sdk-go/pkg/sdk/plugins/extractor"
	"github.com/falcosecurity/plugin-sdk-go/pkg/sdk/plugins/source"
)

type plugin struct {
	plugins.BasePlugin
}

type instance struct {
	source.BaseInstance
	count, made uint64
	words       string
}

func (p *plugin) Info() *plugins.Info {
	return &plugins.Info{
		ID:          995,
		Name:        "interop_go",
		Description: "Made with the Go SDK",
		Contact:     "the tests",
		Version:     "0.4.2",
		EventSource: "interop_go",
	}
}

func (p *plugin) Init(config string) error {
	if strings.Contains(config, "refuse") {
		return fmt.Errorf("this configuration is refused")
	}
	return nil
}

func (p *plugin) Open(params string) (source.Instance, error) {
	count, err := strconv.ParseUint(strings.Fields(params + " 3")[0], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the parameters start with a count: %s", err)
	}
	return &instance{count: count, words: params}, nil
}

func (i *instance) NextBatch(p sdk.PluginState, evts sdk.EventWriters) (int, error) {
	if strings.Contains(i.words, "goroutine") && i.made > 0 {
		go func() { panic("a goroutine had enough") }()
		time.Sleep(10 * time.Second)
	}
	n := 0
	for ; n < evts.Len() && i.made < i.count; n++ {
		i.made++
		evts.Get(n).SetTimestamp(1700000000000000000 + i.made*1000000)
		w := gob.NewEncoder(evts.Get(n).Writer())
		if err := w.Encode(i.made); err != nil {
			return 0, err
		}
	}
	if i.made == i.count {
		return n, sdk.ErrEOF
	}
	return n, nil
}

func (p *plugin) String(evt sdk.EventReader) (string, error) {
	n, err := number(evt)
	return fmt.Sprintf("event %d of Go", n), err
}

func number(evt sdk.EventReader) (uint64, error) {
	var n uint64
	err := gob.NewDecoder(evt.Reader()).Decode(&n)
	return n, err
}

func (p *plugin) Fields() []sdk.FieldEntry {
	return []sdk.FieldEntry{
		{Type: "uint64", Name: "igo.n", Desc: "the number"},
		{Type: "string", Name: "igo.text", Desc: "the number in words"},
		{Type: "string", Name: "igo.list", IsList: true, Desc: "a list", Arg: sdk.FieldEntryArg{IsIndex: true}},
		{Type: "string", Name: "igo.key", Desc: "its key", Arg: sdk.FieldEntryArg{IsRequired: true, IsKey: true}},
		{Type: "string", Name: "igo.fails", Desc: "an error"},
		{Type: "string", Name: "igo.panics", Desc: "a panic"},
	}
}

func (p *plugin) Extract(req sdk.ExtractRequest, evt sdk.EventReader) error {
	n, err := number(evt)
	if err != nil {
		return err
	}
	switch req.Field() {
	case "igo.n":
		req.SetValue(n)
	case "igo.text":
		req.SetValue(fmt.Sprintf("number %d", n))
	case "igo.list":
		req.SetValue([]string{"a", "b", fmt.Sprint(n)})
	case "igo.key":
		req.SetValue(req.ArgKey())
	case "igo.fails":
		return fmt.Errorf("no luck with event %d", n)
	case "igo.panics":
		panic(fmt.Sprintf("field of event %d had enough", n))
	}
	return nil
}

func init() {
	plugins.SetFactory(func() plugins.Plugin {
		p := &plugin{}
		source.Register(p)
		extractor.Register(p)
		return p
	})
}

func main() {}
