package httpapi

import "c2d/core/fault"

// text is what a code says to a person.
type text struct{ en, zh string }

func (t text) in(lang string) string {
	if lang == "en" {
		return t.en
	}
	return t.zh
}

// codeMethod is the one code that is no fault of core: no other adapter has methods.
const codeMethod = "method_not_allowed"

func methodText() text {
	return text{"This path does not take that method.", "该路径不支持此方法。"}
}

// texts has both languages of every code of fault.Codes; a test fails on one that is missing.
func texts() map[fault.Code]text {
	return map[fault.Code]text{
		fault.CodeInternal:            {"Something went wrong on our side.", "服务内部出错。"},
		fault.CodeInvalid:             {"A value is not allowed here.", "字段的值不符合要求。"},
		fault.CodeMalformed:           {"The body cannot be read.", "请求正文无法解析。"},
		fault.CodeUnknownField:        {"There is no such field.", "没有这个字段。"},
		fault.CodeDuplicateField:      {"A field is given more than once.", "字段重复。"},
		fault.CodeWrongType:           {"A value has the wrong type.", "字段的类型不正确。"},
		fault.CodeBadCharset:          {"The text is not in the declared character set.", "文本与声明的字符集不符。"},
		fault.CodeBadCharacter:        {"The text holds a character that is not allowed.", "文本含有不允许的字符。"},
		fault.CodeTooLarge:            {"The request is too large.", "请求过大。"},
		fault.CodeUnsupportedMedia:    {"This content type or character set is not accepted.", "不支持该内容类型或字符集。"},
		fault.CodeBadCursor:           {"The cursor is not valid.", "游标无效。"},
		fault.CodeKindUnclear:         {"It is unclear what the digits mean.", "无法判断这串数字的含义。"},
		fault.CodeInvalidNumber:       {"This is not a telephone number.", "电话号码无效。"},
		fault.CodeEmergencyNumber:     {"Emergency numbers are not called by click.", "紧急号码不能点击拨打。"},
		fault.CodeNumberDenied:        {"Calls to this number are not allowed.", "不允许呼叫该号码。"},
		fault.CodeBlocked:             {"This contact may not be called.", "该联系人已被禁止呼叫。"},
		fault.CodeNoRoute:             {"No phone system reaches both parties.", "没有能同时接通双方的线路。"},
		fault.CodeSameParty:           {"Caller and callee are the same.", "主叫与被叫相同。"},
		fault.CodeUnauthenticated:     {"A valid key is needed.", "需要有效的密钥。"},
		fault.CodeKeyExpired:          {"The key has expired.", "密钥已过期。"},
		fault.CodeForbidden:           {"This is not allowed.", "没有权限。"},
		fault.CodeScopeMissing:        {"The key lacks a permission.", "密钥缺少所需权限。"},
		fault.CodeNetworkDenied:       {"The key may not be used from this network.", "不允许从该网络使用此密钥。"},
		fault.CodeOriginDenied:        {"The key may not be used from this web page.", "不允许从该网页来源使用此密钥。"},
		fault.CodeNotFound:            {"There is no such thing.", "未找到。"},
		fault.CodeCallerUnknown:       {"The caller is not known.", "未找到主叫用户。"},
		fault.CodeCalleeUnknown:       {"The callee is not known.", "未找到被叫联系人。"},
		fault.CodeAmbiguous:           {"Several answer to this name.", "有多个同名的联系人，请选择其一。"},
		fault.CodeConflict:            {"It was changed meanwhile, or its state does not allow this.", "数据已被修改，或当前状态不允许此操作。"},
		fault.CodeCallEnded:           {"The call has ended.", "通话已结束。"},
		fault.CodeExists:              {"The value is taken already.", "该值已被占用。"},
		fault.CodeCallerBusy:          {"The caller's phone rings for another call already.", "主叫的电话正在为另一个呼叫振铃。"},
		fault.CodeCallerOffline:       {"None of the caller's phones can be reached.", "主叫的所有电话均不在线。"},
		fault.CodeCallerNoDevice:      {"The caller has no phone.", "主叫没有绑定电话。"},
		fault.CodeIdempotencyMismatch: {"The idempotency key was used with another request.", "该幂等键已用于另一个请求。"},
		fault.CodeRateLimited:         {"Too many requests; try again later.", "请求过于频繁，请稍后再试。"},
		fault.CodeCongestion:          {"All lines are busy; try again later.", "线路繁忙，请稍后再试。"},
		fault.CodeStoreUnavailable:    {"The data store cannot be reached now.", "数据存储暂时不可用。"},
		fault.CodeBackendUnavailable:  {"The phone system cannot be reached now.", "电话系统暂时不可用。"},
		fault.CodeShuttingDown:        {"The service is shutting down.", "服务正在停止。"},
		fault.CodeNotSupported:        {"The phone system cannot do this.", "电话系统不支持此操作。"},
	}
}
