use super::texts::{Message, Translations};

pub(super) const SPANISH: Translations = Translations {
    page_name: "Seguimiento del pago",
    choose_language: "Idioma",

    pending: Message {
        headline: "Preparando el envío",
        explanation: "El pago está preparado. Todavía no se ha enviado a la red.",
    },
    broadcast: Message {
        headline: "En camino",
        explanation: "El pago se ha enviado y la red lo está confirmando.",
    },
    delivered: Message {
        headline: "Entregado",
        explanation: "El pago ha llegado a la dirección del destinatario.",
    },
    failed: Message {
        headline: "El pago ha fallado",
        explanation: "No se completó y no se volverá a intentar por sí solo.",
    },
    reversed: Message {
        headline: "La entrega se ha revertido",
        explanation: "El pago había llegado, pero la entrega se anuló después.",
    },
    late: Message {
        headline: "Está tardando más de lo previsto.",
        explanation: "Un retraso no significa que el pago haya fallado. Cualquier cambio aparecerá aquí en cuanto se conozca.",
    },
    test_mode: "Pago de prueba: no se mueve dinero real.",

    progress: "Progreso",
    step_prepared: "Preparado",
    step_sent: "En camino",
    step_delivered: "Entregado",
    step_failed: "Fallido",
    step_reversed: "Revertido",
    done: "hecho",
    under_way: "en curso",
    to_come: "por venir",
    stopped: "detenido aquí",
    not_reached: "no alcanzado",

    time_left: "Tiempo estimado restante",
    expected_by: "Llegada prevista:",
    was_expected: "Se esperaba:",
    delivered_at: "Llegó:",
    any_moment: "en cualquier momento",
    under_a_minute: "menos de un minuto",
    about: "unos",

    where_is_the_money: "¿Dónde está el dinero?",
    with_sender: "No llegó a salir del remitente.",
    in_transit: "Está en camino hacia el destinatario.",
    with_recipient: "Lo tiene el destinatario.",
    returned: "Ha vuelto al remitente.",
    unknown: "Todavía no lo sabemos. No vuelva a pagar hasta que se aclare: consulte a la empresa que le dio este enlace.",
    reason_given: "Motivo indicado",

    details: "Detalles",
    recipient_gets: "El destinatario recibe",
    recipient_got: "El destinatario recibió",
    amount: "Importe",
    destination: "Dirección de destino",
    network: "Red",

    history: "Historial",
    was_created: "Pago preparado",
    was_sent: "Enviado a la red",
    was_sent_again: "Otra transacción enviada",
    sent_again_note: "Un paso más del camino, o un reemplazo de la transacción anterior.",
    was_delivered: "Entregado",
    has_failed: "Fallido",
    was_reversed: "Entrega revertida",
    inferred_note: "No se observó por separado: se deduce de la entrega.",
    transaction: "Transacción",
    new_tab: "se abre en otra pestaña",

    updates_live: "En directo: esta página se actualiza sola.",
    updates_polling: "Esta página busca cambios cada pocos segundos.",
    updates_lost: "Conexión perdida. Reintentando…",
    reloads: "Esta página se recarga sola cada 5 segundos.",
    times_utc: "Las horas están en UTC",
    times_local: "Las horas están en su zona horaria",
    who_can_see: "Cualquiera que tenga este enlace puede ver esta página. Nunca pide contraseñas, claves ni dinero.",

    not_found: Message {
        headline: "No encontramos este pago",
        explanation: "Compruebe que el enlace está completo, tal como lo recibió. Si sigue sin funcionar, consulte a quien se lo envió.",
    },
    too_many: Message {
        headline: "Demasiados intentos",
        explanation: "Espere un minuto y vuelva a abrir su enlace.",
    },
    unavailable: Message {
        headline: "Esta página no está disponible ahora",
        explanation: "Esto no afecta al pago. Inténtelo de nuevo dentro de un momento.",
    },
    try_again: "Intentar de nuevo",

    months: ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
};
