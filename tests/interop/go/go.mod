module interop

go 1.17

require github.com/falcosecurity/plugin-sdk-go v0.8.3
