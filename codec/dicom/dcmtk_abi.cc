/* SPDX-License-Identifier: Apache-2.0 */
/* dcmtk_abi: read the bytes into a DcmFileFormat, let dcmdata print or convert it, copy the result out. Nothing that throws
 * crosses the C ABI. */
#include "codec/dicom/dcmtk_abi.h"

#include <cstdint>
#include <cstring>
#include <mutex>
#include <sstream>
#include <string>

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcjson.h"
#include "dcmtk/dcmdata/dcostrmb.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmdata/dcxfer.h"
#include "dcmtk/oflog/oflog.h"

namespace {

/* What dcmdata would say on standard error is the caller's to say: its log stays off. */
void silence() {
    static std::once_flag once;
    std::call_once(once, [] { OFLog::configure(OFLogger::OFF_LOG_LEVEL); });
}

void give(const std::string &text, char *out, size_t capacity, size_t *length) {
    *length = text.size();
    if (capacity == 0) return;
    size_t n = text.size() < capacity ? text.size() : capacity - 1;
    std::memcpy(out, text.data(), n);
    out[n] = 0;
}

OFCondition read(const void *bytes, size_t count, DcmFileFormat &file) {
    DcmInputBufferStream stream;
    stream.setBuffer(bytes, static_cast<offile_off_t>(count));
    stream.setEos();
    file.transferInit();
    OFCondition condition = file.read(stream, EXS_Unknown, EGL_noChange);
    file.transferEnd();
    if (condition.good() && file.getDataset()->card() == 0) return EC_CorruptedData;
    return condition;
}

/* Pixels and the like are named, not printed. */
class WithoutBulk : public DcmJsonFormatPretty {
  public:
    WithoutBulk() : DcmJsonFormatPretty(OFTrue) {}
    OFBool asBulkDataURI(const DcmTagKey &key, OFString &uri) override {
        DcmEVR vr = DcmTag(key).getEVR();
        bool bulk = vr == EVR_OB || vr == EVR_OW || vr == EVR_ox || vr == EVR_OD || vr == EVR_OF || vr == EVR_OL ||
                    vr == EVR_UN || vr == EVR_px || vr == EVR_PixelData;
        if (bulk) uri = "";
        return bulk ? OFTrue : OFFalse;
    }
};

OFCondition print(DcmFileFormat &file, dcmtk_abi_format format, std::ostream &text) {
    if (format == DCMTK_ABI_JSON) {
        file.convertToUTF8(); /* where that fails, writeJson says so */
        WithoutBulk json;
        return file.writeJson(text, json);
    }
    if (format == DCMTK_ABI_XML) return file.writeXML(text);
    file.print(text, DCMTypes::PF_shortenLongTagValues);
    return EC_Normal;
}

OFCondition write(DcmFileFormat &file, E_TransferSyntax syntax, std::string &bytes) {
    std::string buffer(65536, '\0');
    DcmOutputBufferStream stream(&buffer[0], static_cast<offile_off_t>(buffer.size()));
    file.transferInit();
    for (;;) {
        OFCondition condition = file.write(stream, syntax, EET_ExplicitLength, nullptr, EGL_recalcGL, EPD_withoutPadding);
        void *part = nullptr;
        offile_off_t length = 0;
        stream.flush();
        stream.flushBuffer(part, length);
        bytes.append(static_cast<const char *>(part), static_cast<size_t>(length));
        if (condition != EC_StreamNotifyClient) {
            file.transferEnd();
            return condition;
        }
    }
}

OFCondition convert(const void *part10, size_t count, const char *transfer_syntax, std::string &bytes) {
    DcmFileFormat file;
    OFCondition condition = read(part10, count, file);
    if (condition.bad()) return condition;
    E_TransferSyntax syntax = DcmXfer(transfer_syntax).getXfer();
    if (syntax == EXS_Unknown) return EC_UnsupportedEncoding;
    condition = file.getDataset()->chooseRepresentation(syntax, nullptr);
    if (condition.bad()) return condition;
    return write(file, syntax, bytes);
}

/* Runs `work`, which fills a text and returns a condition, and gives out its text or the reason for its failure. */
template <typename Work> bool guarded(Work work, char *out, size_t capacity, size_t *length) noexcept {
    try {
        silence();
        std::string text;
        OFCondition condition = work(text);
        give(condition.good() ? text : std::string(condition.text()), out, capacity, length);
        return condition.good();
    } catch (...) {
        static const char reason[] = "no memory, or a fault inside dcmdata";
        *length = sizeof reason - 1;
        size_t n = capacity == 0 ? 0 : *length < capacity ? *length : capacity - 1;
        if (capacity) {
            std::memcpy(out, reason, n);
            out[n] = 0;
        }
        return false;
    }
}

} /* namespace */

extern "C" bool dcmtk_abi_dump(const void *part10, size_t part10_bytes, enum dcmtk_abi_format format, char *out, size_t capacity,
                               size_t *length) noexcept {
    auto work = [&](std::string &text) {
        DcmFileFormat file;
        OFCondition condition = read(part10, part10_bytes, file);
        if (condition.bad()) return condition;
        std::ostringstream stream;
        condition = print(file, format, stream);
        text = stream.str();
        return condition;
    };
    return guarded(work, out, capacity, length);
}

extern "C" bool dcmtk_abi_convert(const void *part10, size_t part10_bytes, const char *transfer_syntax, char *out,
                                  size_t capacity, size_t *length) noexcept {
    auto work = [&](std::string &bytes) { return convert(part10, part10_bytes, transfer_syntax, bytes); };
    return guarded(work, out, capacity, length);
}
