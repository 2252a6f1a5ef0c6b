{%- set deliveries = {
    'companies': 'stg_ukltd__companies',
    'accounts': 'stg_ukltd__accounts',
    'accounts_ratios': 'stg_ukltd__accounts_ratios',
    'charges': 'stg_ukltd__charges',
    'chargeholders': 'stg_ukltd__chargeholders',
} -%}

{%- set lookups = [
    'accounts_types', 'company_types', 'discharge_states', 'registers',
    'charge_forms', 'legal_statuses', 'sic03_activities', 'sic07_activities',
] -%}

{%- set later_steps = [
    {
        'step': 'charges to invoice finance charges',
        'from': 'int_charges',
        'screened': 'int_invoice_finance_charges__screened',
    },
    {
        'step': 'observations to train on',
        'from': 'int_accounts',
        'screened': 'int_training_rows__screened',
    },
    {
        'step': 'observations to predict',
        'from': 'int_accounts',
        'screened': 'int_prediction_rows__screened',
    },
] -%}

with

landed_files as (

    select * from {{ ref('stg_landing__landed_files') }}

),

rows_in as (

    select
        'landing ' || file as step,
        snapshot_month,
        {{ sum_of_counts('lines') }} as row_count
    from landed_files
    group by file, snapshot_month

    {% for entity, staging_model in deliveries.items() %}
        union all

        select
            'current {{ entity | replace("_", " ") }}' as step,
            snapshot_month,
            count(*) as row_count
        from {{ ref(staging_model) }}
        group by snapshot_month
    {% endfor %}

    {% for lookup in lookups %}
        union all

        select
            'current {{ lookup | replace("_", " ") }}' as step,
            snapshot_month,
            count(*) as row_count
        from {{ ref('stg_ukltd__' ~ lookup) }}
        group by snapshot_month
    {% endfor %}

    {% for later in later_steps %}
        union all

        select
            '{{ later.step }}' as step,
            snapshot_month,
            count(*) as row_count
        from {{ ref(later.from) }}
        group by snapshot_month
    {% endfor %}

),

outcomes as (

    {% for line_kind in ['header', 'blank', 'rejected'] %}
        select
            'landing ' || file as step,
            snapshot_month,
            '{{ line_kind }} line' as reason,
            {{ sum_of_counts(line_kind ~ '_lines') }} as row_count
        from landed_files
        group by file, snapshot_month

        union all
    {% endfor %}

    select
        'landing ' || file as step,
        snapshot_month,
        'kept' as reason,
        {{ sum_of_counts('landed_rows') }} as row_count
    from landed_files
    group by file, snapshot_month

    {% for entity in deliveries %}
        union all

        select
            'current {{ entity | replace("_", " ") }}' as step,
            snapshot_month,
            coalesce(left_out_reason, 'kept') as reason,
            count(*) as row_count
        from {{ ref('int_' ~ entity ~ '__screened') }}
        group by snapshot_month, coalesce(left_out_reason, 'kept')
    {% endfor %}

    union all

    select
        'current ' || replace(lookup, '_', ' ') as step,
        snapshot_month,
        coalesce(left_out_reason, 'kept') as reason,
        count(*) as row_count
    from {{ ref('int_lookup_codes__screened') }}
    group by lookup, snapshot_month, coalesce(left_out_reason, 'kept')

    {% for later in later_steps %}
        union all

        select
            '{{ later.step }}' as step,
            snapshot_month,
            coalesce(left_out_reason, 'kept') as reason,
            count(*) as row_count
        from {{ ref(later.screened) }}
        group by snapshot_month, coalesce(left_out_reason, 'kept')
    {% endfor %}

),

rows_out as (

    select
        step,
        snapshot_month,
        {{ sum_of_counts('row_count') }} as row_count
    from outcomes
    where reason = 'kept'
    group by step, snapshot_month

),

left_out as (

    select * from outcomes
    where reason <> 'kept' and row_count > 0

),

final as (

    select
        rows_in.step,
        rows_in.snapshot_month,
        rows_in.row_count as rows_in,
        coalesce(rows_out.row_count, 0) as rows_out,
        coalesce(left_out.reason, 'none') as reason,
        coalesce(left_out.row_count, 0) as rows_left_out
    from rows_in
    left join rows_out
        on
            rows_in.step = rows_out.step
            and rows_in.snapshot_month = rows_out.snapshot_month
    left join left_out
        on
            rows_in.step = left_out.step
            and rows_in.snapshot_month = left_out.snapshot_month

)

select * from final
