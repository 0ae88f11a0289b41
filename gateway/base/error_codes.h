/* Every error of the gateway: number, name, what happened and what happens next, for the person at the counter and
 * for the one at three in the morning. Numbers are stable: one that was once released is never given another meaning.
 *
 * The last two digits begin at 10: the local systems' own canonical codes (2301, 2503, 9001 ...) all end in less, so
 * that a code in a record or a log line says by itself whose it is.
 *
 *   10xx configuration, start, commands      20xx form of a request      21xx routing
 *   22xx bounds                              23xx copies, keys, order    24xx time and outcome
 *   30xx links between gateways              40xx store                  50xx adapters, mapping, local systems
 *
 * "next" says what the gateway does without anybody and what a person can do. Texts hold no personal data.
 * X(code, name, zh, en, next_zh, next_en)
 */
#ifndef FEP_ERROR_CODES_H
#define FEP_ERROR_CODES_H

/* clang-format off */
#define FEP_ERROR_CODES(X) \
    FEP_ERROR_CODES_START(X) FEP_ERROR_CODES_FORM(X) FEP_ERROR_CODES_ROUTE(X) FEP_ERROR_CODES_BOUND(X) \
    FEP_ERROR_CODES_KEY(X) FEP_ERROR_CODES_TIME(X) FEP_ERROR_CODES_LINK(X) FEP_ERROR_CODES_STORE(X) \
    FEP_ERROR_CODES_ADAPTER(X)

#define FEP_ERROR_CODES_START(X) \
    X(1010, CONFIG_READ, "配置文件读不出来。", "A configuration file cannot be read.", \
      "网关保持原有配置；首次启动则不启动。检查路径和权限后重试。", \
      "The old configuration stays; at a first start nothing starts. Check path and permissions, then try again.") \
    X(1011, CONFIG_SYNTAX, "配置文件语法有错，已给出文件和行号。", \
      "A configuration file does not parse; file and line are given.", \
      "原有配置继续有效。按行号改正，用 fepctl config check 检查后再加载。", \
      "The old configuration stays. Correct the line, run `fepctl config check`, load again.") \
    X(1012, CONFIG_TOO_LARGE, "配置文件超过 1 MB 上限。", "A configuration file is larger than the limit of 1 MB.", \
      "原有配置继续有效。用 @include 拆成几个文件。", "The old configuration stays. Split the file with @include.") \
    X(1013, CONFIG_INVALID, "配置内容不成立：有不认识的键、缺少的键或不合规定的值，已逐条列出文件和行号。", \
      "The configuration does not hold: unknown keys, missing keys or values out of range, each listed with file and line.", \
      "原有配置继续有效。按清单一次改完，用 fepctl config check 检查。", \
      "The old configuration stays. Correct the whole list, then run `fepctl config check`.") \
    X(1014, ROUTES_INVALID, "路由表不成立，已逐条列出文件和行号。", \
      "The routing table does not hold; each problem is listed with file and line.", \
      "原有路由继续有效，业务不受影响。改正后重新加载。", \
      "The old routes stay in force and traffic goes on. Correct the file and load again.") \
    X(1015, TRANSACTIONS_INVALID, "交易表不成立，已逐条列出文件和行号。", \
      "The transaction table does not hold; each problem is listed with file and line.", \
      "没有正确的交易表网关不启动。恢复随软件安装的 transactions.cfg，或按清单改正。", \
      "The gateway does not start without a sound table. Restore the transactions.cfg that was installed, or correct the list.") \
    X(1020, KEY_MISSING, "密钥文件不存在或读不出来。", "A key file is missing or cannot be read.", \
      "相关部分不启动。用 fepctl keys 生成，或从备份恢复；注意文件权限。", \
      "What needs the key does not start. Make it with `fepctl keys` or restore it; mind the file's permissions.") \
    X(1021, KEY_INVALID, "密钥文件内容不对，或其他用户可以读取它。", \
      "A key file's content is wrong, or other users may read it.", \
      "相关部分不启动。把权限改为 0600，或重新生成密钥并把公钥交给对端。", \
      "What needs the key does not start. Set mode 0600, or make a new key and give its public part to the peer.") \
    X(1030, ENDPOINT_IN_USE, "监听地址或本机套接字已被占用。", "A listening address or local socket is in use.", \
      "守护进程会隔一段时间重试。确认没有另一个网关在运行，或改用别的端口。", \
      "The keeper tries again after a pause. Make sure that no second gateway runs, or choose another port.") \
    X(1031, CHILD_START, "子进程起不来。", "A child process cannot be started.", \
      "守护进程按逐渐加长的间隔重试。看日志中的原因：程序路径、用户、资源限制。", \
      "The keeper tries again with growing pauses. See the reason in the log: program path, user, limits.") \
    X(1040, NO_MEMORY, "内存不足。", "Out of memory.", \
      "这一步没有做任何事，发送方会重发；已接收的业务不丢。检查内存限制和积压。", \
      "This step did nothing and the sender repeats; nothing accepted is lost. Check memory limits and backlog.") \
    X(1041, SYSTEM, "操作系统调用失败。", "A call to the operating system failed.", \
      "守护进程会重启出错的部分。看日志里的系统原因。", \
      "The keeper restarts the part concerned. See the system's reason in the log.") \
    X(1042, INTERNAL, "网关程序内部错误。", "A mistake inside the gateway.", \
      "进程会结束并由守护进程拉起，已提交的业务不丢。请把日志交给维护方。", \
      "The process ends and is restarted; what was committed is not lost. Please give the log to the maintainers.") \
    X(1050, USAGE, "命令用法不对。", "The command was used wrongly.", \
      "什么也没有做。用 --help 查看用法。", "Nothing was done. See --help.") \
    X(1051, NO_DAEMON, "连不上网关进程。", "The gateway process cannot be reached.", \
      "不影响业务本身。确认 fepd 在运行，并检查套接字路径和权限。", \
      "Traffic itself is not affected. Make sure that fepd runs; check the socket's path and permissions.") \
    X(1052, NOTHING_KNOWN, "本网关没有这个报文号的记录。", "This gateway holds nothing under that msgid.", \
      "核对报文号；它可能属于别的网关，或已超过保留期。", \
      "Check the msgid; it may belong to another gateway, or be older than what is kept.")

#define FEP_ERROR_CODES_FORM(X) \
    X(2010, MALFORMED_FRAME, "收到的网关间报文格式不对。", "A frame from another gateway is malformed.", \
      "报文被丢弃，未产生任何效果，其他报文不受影响；对端会重发或到期冲正。若反复出现，核对两端版本。", \
      "The frame is dropped without any effect and others go on; the peer repeats or reverses. If it recurs, compare versions.") \
    X(2011, MALFORMED_REQUEST, "请求格式不对，无法解析。", "The request is malformed and cannot be parsed.", \
      "请求被拒绝，没有产生任何效果。改正后用新的流水重新发起。", \
      "Refused; nothing was done. Correct it and ask again under a new serial.") \
    X(2012, OVERSIZE, "报文超过长度上限。", "The message is larger than the limit.", \
      "请求被拒绝，没有产生任何效果。把费用明细分批上传。", \
      "Refused; nothing was done. Send the fee lines in smaller batches.") \
    X(2013, CHARSET, "文字编码不合法，例如半个汉字。", "The text is not in the agreed character set, for example half a character.", \
      "请求被拒绝，没有产生任何效果。错误信息给出字节位置，请检查发送方的编码设置。", \
      "Refused; nothing was done. The byte position is given; check the sender's character set.") \
    X(2014, MISSING_FIELD, "缺少必填项，错误信息中有字段名。", "A required field is missing; the text names it.", \
      "请求被拒绝，没有产生任何效果。补齐后重新发起。", "Refused; nothing was done. Fill it in and ask again.") \
    X(2015, INVALID_FIELD, "某个字段的值不合规定，错误信息中有字段名。", "A field's value is not allowed; the text names the field.", \
      "请求被拒绝，没有产生任何效果。改正后重新发起。", "Refused; nothing was done. Correct it and ask again.") \
    X(2016, UNKNOWN_TRANSACTION, "交易号不在交易表中。", "The transaction is not in the transaction table.", \
      "请求被拒绝，没有产生任何效果。核对交易号；地方交易须先由管理员加入交易表。", \
      "Refused; nothing was done. Check the number; a regional one must first be added to the table.") \
    X(2017, BAD_MSGID, "报文号不合规定。", "The msgid is not usable.", \
      "请求被拒绝，没有产生任何效果。报文号须为 1 到 30 个可见 ASCII 字符。", \
      "Refused; nothing was done. A msgid is 1 to 30 printable ASCII characters.")

#define FEP_ERROR_CODES_ROUTE(X) \
    X(2110, UNKNOWN_AREA, "参保地区划为空或不是六位数字，无法判断送往哪里。", \
      "The insured area is empty or not six digits, so there is nowhere to send it.", \
      "请求被拒绝，没有产生任何效果。请先做人员信息查询，带上其返回的参保地区划。", \
      "Refused; nothing was done. Query the person first and use the insured area of that answer.") \
    X(2111, ROUTE_REFUSED, "按两地协议，这类业务目前不办理。", "By the agreement between the regions this is not handled at present.", \
      "请求被拒绝，没有产生任何效果。原因写在路由规则里，可用 fepctl route explain 查看。", \
      "Refused; nothing was done. The rule gives the reason; see `fepctl route explain`.") \
    X(2112, LOCAL_ONLY, "这笔交易只在就医地办理，不转发外地。", "This transaction stays at the place of treatment and is not routed.", \
      "请求被拒绝，没有产生任何效果。请由本地系统自行办理。", "Refused; nothing was done. Let the local system handle it.") \
    X(2113, NO_ROUTE, "路由表中没有通往该参保地的规则。", "No rule of the routing table leads to that insured area.", \
      "请求被拒绝，没有产生任何效果。核对参保地区划；确需开通的，由管理员在 routes.cfg 中加规则。", \
      "Refused; nothing was done. Check the area; if it should work, the operator adds a rule to routes.cfg.") \
    X(2114, ALL_ROUTES_DOWN, "通往参保地的线路目前都不通。", "Every route to the insured place is down at present.", \
      "请求被立即拒绝，没有产生任何效果，可原样再发。线路由网关自动重连，恢复后日志会说明。", \
      "Refused at once; nothing was done, it may be sent again unchanged. Links reconnect by themselves and the log says so.") \
    X(2115, ROUTING_LOOP, "报文转回了发出它的网关：各地路由表互相指向。", "A message came back to the gateway that sent it: routing tables point at each other.", \
      "报文被拒绝，没有产生任何效果。请与对端核对双方路由规则。", \
      "Refused; nothing was done. Compare the routing rules with the peer.") \
    X(2116, TOO_MANY_HOPS, "报文经过的网关太多。", "The message passed too many gateways.", \
      "报文被拒绝，没有产生任何效果。多半是路由绕圈，请核对沿途路由规则。", \
      "Refused; nothing was done. Most likely a loop: compare the routing rules along the way.") \
    X(2117, HELD, "管理员已暂停办理该地区的新业务。", "The operator has put that region on hold for new business.", \
      "新业务被拒绝，没有产生任何效果，可原样再发；已受理的业务和冲正照常进行。恢复后再发。", \
      "New requests are refused with nothing done and may be sent again; accepted ones and reversals go on. Wait for reopening.")

#define FEP_ERROR_CODES_BOUND(X) \
    X(2210, BOUND, "网关积压已到上限，暂不受理新业务。", "The gateway's backlog is at its bound; nothing new is taken for now.", \
      "请求被立即拒绝，没有产生任何效果，可稍后原样再发；已受理的不丢。积压不消时请查对端是否变慢。", \
      "Refused at once; nothing was done, send it again later. Nothing accepted is lost. If it lasts, see which peer is slow.") \
    X(2211, DISK_FULL, "磁盘空间不足，暂不受理新业务。", "The disk is full; nothing new is taken for now.", \
      "新业务被拒绝，没有产生任何效果，可稍后原样再发；已受理业务的结果和冲正有预留空间。请尽快清理磁盘。", \
      "New requests are refused with nothing done; outcomes and reversals of accepted ones have reserved room. Free the disk soon.") \
    X(2212, STORE_FAILED, "网关暂时无法落盘，不能受理。", "The gateway cannot store at present and so takes nothing.", \
      "请求被拒绝，没有产生任何效果，可稍后原样再发。请查存储的报错。", \
      "Refused; nothing was done, send it again later. See the store's own errors.") \
    X(2213, TOO_MANY_QUERIES, "同时进行的查询太多。", "Too many queries are under way.", \
      "查询被拒绝，稍后再查即可。", "The query is refused; ask again shortly.") \
    X(2214, STOPPING, "网关正在停机，不受理新业务。", "The gateway is stopping and takes nothing new.", \
      "请求被拒绝，没有产生任何效果，重启后原样再发；已受理的业务在启动后继续。", \
      "Refused; nothing was done, send it again after the restart. Accepted business goes on then.")

#define FEP_ERROR_CODES_KEY(X) \
    X(2310, OTHER_CONTENT, "同一报文号曾用于另一份内容。", "The same msgid was used before with other content.", \
      "请求被拒绝，没有产生任何效果，原来那笔不受影响。发送方的流水号重复了，请换新的流水号，并查明原因。", \
      "Refused; nothing was done and the earlier one is untouched. The sender reuses serials: use a new one and find out why.") \
    X(2311, CLARIFYING, "此人前一笔业务的结果还在核实。", "An earlier update of this person is still being clarified.", \
      "本次没有做任何事，请稍后原样再发。网关正自动查询或冲正前一笔，有结论后自动放行。", \
      "Nothing was done this time; send it again unchanged later. The earlier one is being inquired or reversed by itself.") \
    X(2312, REVERSAL_BLOCKS, "这笔业务已被要求冲正，不再受理。", "This update was ordered to be reversed and is not taken any more.", \
      "请求被拒绝，没有也不会产生效果。如仍要办理，请用新的流水号重新发起。", \
      "Refused; it has no effect and will have none. If still wanted, ask again under a new serial.") \
    X(2313, WITHDRAWN, "这笔业务在送出之前被撤回。", "This update was withdrawn before it was sent.", \
      "没有产生任何效果。如仍要办理，请重新发起。", "It had no effect. If still wanted, ask again.") \
    X(2314, OVER_HORIZON, "这笔业务的受理日期过早，超出查重期限。", "This update's day lies beyond the time for which copies are recognised.", \
      "请求被拒绝，没有做任何事，以免重复入账。请通过对账核实当日结果。", \
      "Refused unseen, so that nothing is posted twice. See the reconciliation of that day.") \
    X(2315, BODY_GONE, "这笔业务早已办结，但原答复内容已不再保存。", "This was settled earlier, but the answer's content is no longer held.", \
      "不会再次办理。结果和日期见错误信息，明细以参保地对账为准。", \
      "It is not carried out again. Result and day are in the text; the insured place's reconciliation has the details.") \
    X(2316, NOT_ORIGIN, "只有发起方可以查询或冲正这笔业务。", "Only the origin of an update may ask for its answer or its reversal.", \
      "请求被拒绝，没有做任何事，并记为告警。请核对对端身份和报文号。", \
      "Refused with nothing done, and raised as an alarm. Check the peer's identity and the msgid.") \
    X(2317, ORIGINAL_UNKNOWN, "没有见过要冲正或查询的那笔业务。", "The update to be reversed or inquired was never seen here.", \
      "冲正：该流水号从此作废，它若再到也不会办理。查询：请核对原报文号。", \
      "Reversal: that serial is blocked from now on, should it still come. Inquiry: check the original msgid.") \
    X(2318, ONE_USE, "电子凭证令牌只能用一次，不能重发。", "An e-voucher token is good for one use and cannot be sent again.", \
      "没有做任何事。请参保人重新出示电子凭证。", "Nothing was done. Ask the patient to show the e-voucher again.") \
    X(2319, LOWER_ATTEMPT, "这是较早一次尝试的副本，已有更新的尝试。", "This is a copy of an earlier attempt; a later one exists.", \
      "副本被丢弃，不影响正在进行的那次。无须处理。", "The copy is dropped; the later attempt goes on. Nothing to do.") \
    X(2320, RESOLVING, "网关从备份恢复，正在与各方核对恢复点之后的业务。", \
      "The gateway was restored from a backup and is finding out what happened since.", \
      "在核对完成前不办理新业务；没有产生任何新的效果，请稍后原样再发或查询。", \
      "Until that is known nothing new is done; nothing was done by this request. Send it again later, or inquire.")

#define FEP_ERROR_CODES_TIME(X) \
    X(2410, DEADLINE_NOT_SENT, "在时限内没有送出去。", "It could not be sent in time.", \
      "请求没有离开本网关，没有产生任何效果，可原样再发。", \
      "It never left this gateway and had no effect; it may be sent again unchanged.") \
    X(2411, OPEN, "结果暂时不明，正在核实。", "The outcome is not known yet and is being resolved.", \
      "网关正自动查询，必要时冲正，直到有确定结论。请勿重新收费或另开一笔；稍后查询本笔结果。", \
      "The gateway inquires and if need be reverses until it is certain. Do not charge again; ask for this one's result later.") \
    X(2412, TIME_LEFT, "剩余时间不够参保地办理，未提交。", "Too little time was left for the insured place, so it was not submitted.", \
      "没有产生任何效果，可原样再发。常见时请查沿途是否变慢。", \
      "It had no effect and may be sent again unchanged. If frequent, see where time is lost on the way.") \
    X(2413, QUERY_TIMEOUT, "查询在时限内没有答复。", "The query was not answered in time.", \
      "查询不改变任何数据，再查一次即可。", "A query changes nothing; ask again.") \
    X(2414, INCONSISTENT, "参保地的答复金额不平，或无法转成本地格式。", \
      "The insured place's answer breaks the money equations, or cannot be put into the caller's language.", \
      "网关不采用这个答复，并自动冲正。请勿收费；若反复出现，请把报文号交给双方系统维护方。", \
      "The answer is not adopted and is reversed by itself. Do not charge; if it recurs, give the msgid to both sides' maintainers.") \
    X(2415, REVERSED, "这笔业务已冲正。", "This update was reversed.", \
      "它最终没有入账。如仍要办理，请用新的流水号重新发起。", \
      "In the end it is not posted. If still wanted, ask again under a new serial.") \
    X(2416, STANDS, "冲正被参保地最终拒绝，这笔业务仍然有效。", "The insured place finally declined the reversal: the update stands, it is posted.", \
      "网关不再自动处理，已立案并列入对账。请按已入账处理，需撤销的用结算撤销，或与参保地联系。", \
      "Nothing more happens by itself; an incident is open and the reconciliation lists it. Treat it as posted; cancel it or call the insured place.") \
    X(2417, REVERSING, "正在冲正，还没有结论。", "The reversal is under way and not finished.", \
      "网关会一直重试到有结论。请稍后查询，不要重复操作。", \
      "The gateway repeats it until it is certain. Ask later and do not do it again.") \
    X(2418, CALLER_GONE, "请求方已断开，答复没有交到。", "The caller was gone before the answer could be handed over.", \
      "结果保存在本网关，请求方重发、查询或冲正时照此答复。", \
      "The result is kept here and given to the caller's repeat, inquiry or reversal.") \
    X(2419, RESOLVE_LONG, "结果长时间查不清。", "An outcome could not be resolved for a long time.", \
      "网关继续重试，同时立案提醒。请联系参保地经办机构核实这笔业务。", \
      "The gateway goes on trying and has opened an incident. Please call the insured place about this one.") \
    X(2420, LATE, "答复在本次调用结束之后才到。", "An answer came after its call had ended.", \
      "已记录在案，只用于核实，不会改变已告知的结果。", \
      "It is recorded and only helps to clarify; what was told is not changed.") \
    X(2421, BY_HAND, "结果由人工核实，经第二人确认后办结。", \
      "The outcome was found out by a person and confirmed by a second one.", \
      "按此结果处理。提出人、确认人和理由用 fepctl proposals --all 查看。", \
      "Take it as it stands. Who proposed, who confirmed and why: `fepctl proposals --all`.") \
    X(2422, CONTRADICTED, "人工核实的结论与后到的答复相反。", \
      "What a person settled is contradicted by an answer that came later.", \
      "已告知的结果不变，已记录在案。请立即与参保地核对这一笔，差额按对账处理。", \
      "What was told is not changed, and it is on record. Compare this one with the insured place at once; reconciliation carries the difference.") \
    X(2423, NOT_YET, "现在还不能由人工办结：网关自己的查询、冲正或原请求可能还有答复。", \
      "It can not be settled by hand yet: a call of the gateway's own may still be answered.", \
      "什么也没有改变。过几分钟再试；fepctl unknown 会说明在等什么。", \
      "Nothing was changed. Try again in a few minutes; `fepctl unknown` says what is waited for.") \
    X(2424, NOT_UNCLEAR, "这笔业务在本网关不是未明状态，或不在本地系统一侧。", \
      "This update is not unclear here, or this is not the gateway beside the local system.", \
      "什么也没有改变。用 fepctl why 查看它的结论；未明的在参保地网关办结。", \
      "Nothing was changed. `fepctl why` shows what became of it; an unclear one is settled at the insured place's gateway.") \
    X(2425, HAND_MISFIT, "这个结论不适合这笔业务现在的状态，或缺少答复内容。", \
      "That finding does not fit the update's present state, or its answer is missing.", \
      "什么也没有改变。fepctl unknown 列出可用的结论；已入账的须用 --answer 给出结算编号和金额。", \
      "Nothing was changed. `fepctl unknown` lists what fits; one that is posted needs --answer with settlement id and amounts.") \
    X(2426, SAME_PERSON, "提出和确认必须是两个不同的人。", \
      "Whoever proposed it can not confirm it: two different people are needed.", \
      "什么也没有改变。请另一位有权限的操作员确认。", \
      "Nothing was changed. Let another operator who is named in the configuration confirm it.") \
    X(2427, NOT_OPERATOR, "您的用户号不在允许办理的名单中。", \
      "Your user id is not among those that the configuration allows to do this.", \
      "什么也没有改变，已记入审计日志。名单在配置的 operators.uids 中。", \
      "Nothing was changed, and it stands in the audit log. The list is operators.uids of the configuration.")

#define FEP_ERROR_CODES_LINK(X) \
    X(3010, UNKNOWN_PEER_KEY, "有一方用未登记的公钥来连接。", "Somebody connects with a public key that is not configured.", \
      "连接被拒绝，不影响其他线路。若是新对端或对端换了密钥，请核实后加入配置；否则请查来源地址。", \
      "Refused; other links go on. If it is a new peer or a changed key, verify and configure it; else look into the address.") \
    X(3011, PEER_VERSION, "对端的协议版本与本端不相容。", "The peer speaks an incompatible protocol version.", \
      "这条线路不通，积压的业务按时限处理。请升级较旧的一端。", \
      "This link stays down; waiting business ends by its deadlines. Upgrade the older side.") \
    X(3012, PEER_FORK, "对端带着比它确认过的更旧的数据回来。", "A peer came back with less than it had acknowledged.", \
      "为防止重复入账，这条线路已关闭，直到管理员裁定。多半是对端从备份恢复，请与其核对后再开通。", \
      "The link is shut, lest something be posted twice, until an operator decides. Most likely it was restored: compare, then reopen.") \
    X(3013, PEER_NAME, "对端自称的名字与其公钥不符。", "A peer calls itself something other than its key says.", \
      "连接被拒绝。以公钥为准，请核对两端配置中的节点编码。", \
      "Refused. The key decides; compare the node codes in both configurations.") \
    X(3014, LINK_DOWN, "与对端的线路中断。", "The link to a peer is down.", \
      "自动重连；已受理的业务保存着，恢复后继续；新业务走备用路由或被立即拒绝。长时间不通请查网络。", \
      "It reconnects by itself; accepted business is kept and goes on; new business takes a fallback or is refused. Check the network if it lasts.") \
    X(3015, LINK_SEQUENCE, "对端的报文序号不连续或倒退。", "A peer's sequence numbers skip or go back.", \
      "报文不确认，对端会从断点重发。若反复出现，请把双方日志交给维护方。", \
      "Nothing is acknowledged and the peer resends from there. If it recurs, give both logs to the maintainers.") \
    X(3016, CLOCK_OFFSET, "对端与本端的时钟相差太大。", "The peer's clock differs too much from ours.", \
      "业务不受影响，时限按剩余时间计算；但日期和对账会错位。请检查两端的时间同步。", \
      "Traffic goes on, deadlines travel as time left; but days and reconciliation will differ. Check both clocks.") \
    X(3017, LINK_CRYPTO, "线路的加密或身份验证建立不起来。", "A link's encryption or authentication cannot be set up.", \
      "这条线路不会以明文运行。检查密钥文件和对端公钥。", \
      "The link never runs in the clear. Check the key files and the peer's public key.") \
    X(3018, NOT_FOR_US, "收到的报文不该送到本网关。", "A message arrived that is not for this gateway.", \
      "报文被拒绝，没有产生任何效果。请与对端核对路由规则。", \
      "Refused; nothing was done. Compare the routing rules with the peer.")

#define FEP_ERROR_CODES_STORE(X) \
    X(4010, STORE_OPEN, "数据库打不开。", "The store cannot be opened.", \
      "网关不受理任何业务，守护进程隔一段时间重试。检查目录、权限和磁盘。", \
      "Nothing is taken; the keeper tries again after a pause. Check directory, permissions and disk.") \
    X(4011, STORE_LOCKED, "另一个进程正在使用这个数据库。", "Another process is using this store.", \
      "本进程不启动，正在运行的不受影响。确认没有第二个网关指向同一目录。", \
      "This one does not start; the running one is untouched. Make sure that no second gateway uses the directory.") \
    X(4012, STORE_DAMAGED, "数据库完整性检查不通过。", "The store does not pass its integrity check.", \
      "网关不带病运行：不受理任何业务。不要删除文件；先复制保留，再从备份恢复，对端会补齐缺失部分。", \
      "The gateway does not run on it and takes nothing. Delete nothing: copy it, restore the backup; peers answer with what they hold.") \
    X(4013, STORE_VERSION, "数据库由更新版本的程序写成。", "The store was written by a newer version.", \
      "网关不启动，数据未改动。请安装相应或更新的版本。", "The gateway does not start; nothing was changed. Install that version or a newer one.") \
    X(4014, STORE_MIGRATION, "数据库升级失败。", "The store could not be brought to this version.", \
      "升级已整体回退，数据未改动，网关不启动。看日志原因，或装回旧版本。", \
      "It was rolled back as a whole and the gateway does not start. See the log, or go back to the old version.") \
    X(4015, STORE_WRITE, "写数据库失败。", "Writing to the store failed.", \
      "未落盘的一律不确认、不告知，发送方会重发。检查磁盘；持续失败时进程会退出重启。", \
      "What is not on disk is neither acknowledged nor told; senders repeat. Check the disk; if it lasts the process restarts.") \
    X(4016, STORE_READ, "读数据库失败。", "Reading from the store failed.", \
      "这次操作没有结果，数据未改动。检查磁盘后重试。", "The operation gave no result; nothing was changed. Check the disk and try again.") \
    X(4017, STORE_KEY, "解密存储内容的密钥不对或缺失。", "The key for stored bodies is wrong or missing.", \
      "网关不启动，数据未改动。从备份恢复原来的密钥文件，不要另造新密钥。", \
      "The gateway does not start; nothing was changed. Restore the original key file, do not make a new one.") \
    X(4018, STORE_BODY, "一份存储的内容验证不通过。", "A stored body does not pass its check.", \
      "只影响这一笔：不会用可疑内容办理，已立案。结果以参保地对账为准。", \
      "Only this one is affected: doubtful content is not used and an incident is open. The insured place's reconciliation decides.") \
    X(4019, JOURNAL_QUARANTINED, "某一天的日志库已损坏并被隔离。", "One day's journal is damaged and was put in quarantine.", \
      "业务照常进行，那一天的报表暂缺。隔离清单列出其内容，可从备份恢复那一天。", \
      "Traffic goes on; that day's reports are missing. A list says what it held; restore that day from the backup.") \
    X(4020, STORE_RESERVE, "预留空间建不起来。", "The reserve on disk cannot be made.", \
      "没有预留就不受理新业务，以保证结果和冲正总能落盘。请清理磁盘。", \
      "Without it nothing new is taken, so that outcomes and reversals always find room. Free the disk.") \
    X(4021, STORE_CONFLICT, "同一报文已有办结记录。", "A finished record of the same message exists.", \
      "按已有记录答复，不会再次办理。无须处理。", "The stored record is the answer; it is not carried out again. Nothing to do.")

#define FEP_ERROR_CODES_ADAPTER(X) \
    X(5010, MODULE_LOAD, "适配模块装不上。", "An adapter module cannot be loaded.", \
      "只影响这个接口，守护进程按逐渐加长的间隔重试。检查模块路径和版本。", \
      "Only this instance is affected; it is tried again with growing pauses. Check the module's path and version.") \
    X(5011, MODULE_ABI, "适配模块的接口版本与网关不符。", "An adapter module was built for another interface version.", \
      "只影响这个接口，它不启动。请用配套版本的模块。", "Only this instance is affected and does not start. Install the matching module.") \
    X(5012, MODULE_OPTION, "适配模块的参数不合规定。", "An option of an adapter module is not allowed.", \
      "只影响这个接口，它不启动。按提示的文件和行号改正。", "Only this instance is affected and does not start. Correct the line given.") \
    X(5013, HOST_LOST, "适配进程中途退出。", "An adapter's process ended in the middle of its work.", \
      "它会自动重启；正在办理的业务结果不明，网关自动查询或冲正。反复退出请查该接口的日志。", \
      "It is restarted; what was under way there is unknown and is inquired or reversed by itself. If it recurs, see that instance's log.") \
    X(5014, HOST_NOT_READY, "通往本地系统的接口尚未就绪。", "The interface to the local system is not ready.", \
      "没有产生任何效果，可原样再发。接口会自动重连、签到。", \
      "Nothing was done, it may be sent again unchanged. The interface connects and signs in by itself.") \
    X(5015, HOST_EPOCH, "收到旧适配进程的消息。", "A message came from an adapter process that has been replaced.", \
      "消息不作数，业务按结果不明处理。无须处理。", "It does not count; its business is treated as unknown. Nothing to do.") \
    X(5016, NO_ABILITY, "这个接口不支持所需的操作。", "The interface cannot do what was asked.", \
      "网关改用别的办法核实；没有办法时立案，由人处理。", \
      "The gateway uses another way to find out; where there is none it opens an incident for a person.") \
    X(5020, MAPPING_INVALID, "映射文件不成立，已逐条列出文件和行号。", "A mapping file does not hold; each problem is listed with file and line.", \
      "原映射继续有效；首次启动则该接口不启动。改正后用 fepctl map test 检查。", \
      "The old mapping stays; at a first start the instance does not start. Correct it and run `fepctl map test`.") \
    X(5021, NOT_MAPPED, "映射文件里没有这笔交易。", "The mapping file has no such transaction.", \
      "请求被拒绝，没有产生任何效果。需要开通的，在映射文件中加上。", \
      "Refused; nothing was done. If it is wanted, add it to the mapping file.") \
    X(5022, CODE_NOT_MAPPED, "某个代码在对照表中查不到，错误信息中有字段名。", "A code is not in the crosswalk; the text names the field.", \
      "请求被拒绝，没有产生任何效果。请在该地区的对照表中补上这个代码。", \
      "Refused; nothing was done. Add the code to the region's crosswalk.") \
    X(5023, DOES_NOT_FIT, "内容放不进对方系统的字段，错误信息中有字段名。", "A value does not fit the other system's field; the text names it.", \
      "请求被拒绝，没有产生任何效果，也没有截断。请缩短该项，或调整映射。", \
      "Refused; nothing was done and nothing was cut. Shorten the value or change the mapping.") \
    X(5024, AMOUNT, "金额写法不对或超出范围。", "An amount is badly written or out of range.", \
      "请求被拒绝，没有产生任何效果。金额为元，两位小数。", "Refused; nothing was done. Amounts are in yuan with two decimals.") \
    X(5030, LOCAL_DOWN, "连不上本地医保系统。", "The local system cannot be reached.", \
      "请求没有送出，没有产生任何效果，可原样再发。接口自动重连。", \
      "It was not sent and had no effect; it may be sent again unchanged. The interface reconnects by itself.") \
    X(5031, LOCAL_PROTOCOL, "本地系统的答复看不懂。", "The local system's answer cannot be understood.", \
      "结果按不明处理，网关自动查询或冲正。若反复出现，请核对接口版本和映射。", \
      "Treated as unknown and inquired or reversed by itself. If it recurs, check its version and the mapping.") \
    X(5032, LOCAL_TIMEOUT, "本地系统在时限内没有答复。", "The local system did not answer in time.", \
      "结果不明，网关自动查询或冲正，直到有确定结论。", \
      "The outcome is unknown; the gateway inquires or reverses until it is certain.") \
    X(5033, LOCAL_REFUSED, "参保地系统拒绝了这笔业务，理由见其原文。", "The insured place's system refused; its own words say why.", \
      "没有产生任何效果。按其理由处理后重新发起。", "It had no effect. Act on its reason and ask again.") \
    X(5034, LOCAL_SIGN_IN, "向本地系统签到失败。", "Signing in at the local system failed.", \
      "接口隔一段时间自动再试，期间请求被拒绝且没有效果。检查操作员号和密码文件。", \
      "It is tried again after a pause; meanwhile requests are refused without effect. Check operator and password file.") \
    X(5035, LOCAL_AUTHENTICITY, "本地系统报文的校验码不对。", "The check value of a local system's message is wrong.", \
      "该报文不采用。业务结果按不明处理并自动核实。请核对双方密钥。", \
      "The message is not used; the outcome is unknown and is clarified by itself. Compare both sides' keys.") \
    X(5036, LOCAL_CLOSED, "本地系统在答复前断开连接。", "The local system closed the connection before its answer.", \
      "结果不明，网关自动查询或冲正；接口自动重连。", \
      "The outcome is unknown; the gateway inquires or reverses. The interface reconnects by itself.") \
    X(5037, MONEY_EQUATION, "答复中的金额关系不成立。", "The amounts of an answer do not add up.", \
      "网关不采用这个答复，并自动冲正。请把报文号交给参保地系统维护方。", \
      "The answer is not adopted and is reversed by itself. Give the msgid to the insured place's maintainers.")

enum error_code {
#define X(code, name, zh, en, next_zh, next_en) FEP_E_##name = code,
    FEP_ERROR_CODES(X)
#undef X
    FEP_E_LAST
};
/* clang-format on */

#endif
