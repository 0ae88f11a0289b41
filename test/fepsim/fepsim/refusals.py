"""Why a stand-in says no: the common error numbers, their texts and their classes.

Numbers are the four-digit ones shared by the protocols; each front writes them
its own way.  9201 and 9202 exist only where connections are signed on.
"""

GOOD = "0000"

TEXTS = {
    "1001": "报文无法解析",
    "1002": "交易代码不存在",
    "1003": "字段缺失或无效",
    "1004": "未授权",
    "1005": "流水号已使用",
    "1006": "时钟相差超过10分钟",
    "1007": "校验码错误",
    "2001": "未找到参保人",
    "2002": "参保状态暂停或终止",
    "2003": "姓名或证件不符",
    "2004": "无有效异地就医备案",
    "2005": "待遇已冻结",
    "2101": "就诊登记不存在",
    "2102": "就诊号已登记",
    "2103": "就诊已结算或有明细, 不允许此操作",
    "2201": "明细序号重复",
    "2202": "目录编码不存在或已失效",
    "2203": "明细金额或批次合计不符",
    "2204": "明细条数须为1至500",
    "2301": "医院总额与中心明细合计不符",
    "2302": "没有可结算的明细",
    "2303": "该登记号已结算, 不能重复结算",
    "2401": "结算记录不存在",
    "2402": "结算已撤销",
    "2403": "清算月已关闭, 不能撤销",
    "2503": "原交易不能冲正, 仍然有效",
    "2504": "流水号已被冲正锁定",
    "2601": "会计日未关闭",
    "9001": "系统忙, 未作处理",
    "9002": "后台未应答, 结果未知, 请查询原交易",
    "9101": "操作员未签到",
    "9102": "业务周期已过期",
    "9103": "业务周期属于其他操作员",
    "9201": "连接未签到",
    "9202": "会计日期与中心不符",
    "9999": "处理中发生内部错误",
}

REPEATABLE = frozenset({"2601", "9001", "9101", "9102", "9201", "9202"})
UNDECIDED = frozenset({"9002", "9999"})
_FORMAL = frozenset({"1001", "1002", "1003", "1004", "1006", "1007"})
_ABOUT_THE_SERIAL = frozenset({"1005", "2504"})


class Refusal(Exception):
    """A request is not carried out; `text` is for people, `code` for programs."""

    def __init__(self, code: str, detail: str = ""):
        self.code = code
        self.text = f"{TEXTS[code]}: {detail}" if detail else TEXTS[code]
        super().__init__(f"{code} {self.text}")

    @property
    def is_stored(self) -> bool:
        """Tell whether the refusal uses up the serial, so that a repeat hears it again.

        1005 and 2504 speak about what is stored already and must not replace it.
        """
        return self.code not in REPEATABLE | UNDECIDED | _FORMAL | _ABOUT_THE_SERIAL
